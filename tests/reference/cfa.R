# Reference figures for tests/test_cfa.py and tests/test_invariance.py that no oracle file beside the project holds.
#
# Usage, from this folder:   Rscript cfa.R ../../../shared/data > cfa.toml
#
# lavaan on the data of Holzinger and Swineford (1939), the first argument's holzinger_swineford_1939.csv.

suppressMessages(library(lavaan))
number <- function(x) trimws(formatC(x, digits = 12, format = "g"))
say <- function(name, x) cat(name, " = [", paste(number(x), collapse = ", "), "]\n", sep = "")
fit <- function(f, names) unclass(fitMeasures(f, names))
errors <- function(f, items) { p <- parameterEstimates(f); sapply(items, function(i) p$se[p$op == "=~" & p$rhs == i][1]) }

hs <- read.csv(file.path(commandArgs(TRUE)[1], "holzinger_swineford_1939.csv"))
hs$school <- factor(hs$school, levels = c("Pasteur", "Grant-White"))
hs$cluster <- hs$ageyr * 100 + hs$agemo
hs$w <- (hs$id %% 3) + 1
m <- "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
scaled <- c("chisq.scaled", "chisq.scaling.factor", "baseline.chisq.scaling.factor")
out <- function(f) c(fit(f, scaled), errors(f, c("x2", "x3", "x5")))

cat("# Written by cfa.R in this folder; change the script, not this file.\n\n[meta]\nr = \"", as.character(getRversion()),
    "\"\nlavaan = \"", as.character(packageVersion("lavaan")), "\"\n\n", sep = "")
cat("# chisq.scaled, its scaling factor, the baseline's scaling factor, standard errors of x2, x3, x5\n[mlr]\n")
say("plain", out(cfa(m, hs, estimator = "MLR")))
say("clustered", out(cfa(m, hs, estimator = "MLR", cluster = "cluster")))
say("weighted", out(cfa(m, hs, estimator = "MLR", sampling.weights = "w")))
say("weighted_clusters", out(cfa(m, hs, estimator = "MLR", cluster = "cluster", sampling.weights = "w")))
robust <- fit(cfa(m, hs, estimator = "MLR"), c("cfi.robust", "tli.robust", "rmsea.robust", "rmsea.ci.lower.robust", "rmsea.ci.upper.robust"))
cat("# cfi, tli, rmsea and its interval\n"); say("robust", robust)

cat("\n# loadings and intercepts equal in both schools: scaling factor, standard error of x2\n[groups]\n")
for (e in c("MLM", "MLR")) { f <- cfa(m, hs, estimator = e, group = "school", group.equal = c("loadings", "intercepts"))
  say(tolower(e), c(fit(f, "chisq.scaling.factor"), errors(f, "x2"))) }
f <- cfa(m, hs, group = "school", group.equal = c("loadings", "intercepts"))
cat("# score tests of equalities: loadings of x2 and x3, intercepts of x3, x7 and x1\n")
say("equality", lavTestScore(f)$uni$X2[c(1, 2, 9, 13, 7)])
f <- cfa(m, hs, group = "school", group.equal = c("loadings", "intercepts"), group.partial = c("x3~1", "x7~1"))
p <- parameterEstimates(f); p <- p[p$op == "~1" & p$lhs %in% c("visual", "textual", "speed") & p$group == 2, ]
say("partial_chi2_df", fit(f, c("chisq", "df"))); say("partial_means", p$est); say("partial_means_se", p$se)

cat("\n# index, change, standardised change of visual-x9, x7-x8, visual-x7, x8-x9\n[modification]\n")
mi <- modindices(cfa(m, hs), sort. = TRUE)[1:4, ]
say("mi", mi$mi); say("epc", mi$epc); say("sepc", mi$sepc.all)

cat("\n# standardised loadings of visual, textual, speed on a general factor, and their errors; chi-square with x7 ~~ x8\n[structure]\n")
s <- standardizedSolution(cfa(paste0(m, "\ng =~ visual + textual + speed"), hs)); s <- s[s$lhs == "g" & s$op == "=~", ]
say("general", s$est.std); say("general_se", s$se)
say("paired", fit(cfa(paste0(m, "\nx7 ~~ x8"), hs), c("chisq", "df")))
