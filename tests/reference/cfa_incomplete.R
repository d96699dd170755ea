# Reference figures for tests/test_cfa_incomplete.py.
#
# Usage, from this folder:   Rscript cfa_incomplete.R ../../../shared/data > cfa_incomplete.toml
#
# lavaan and psych on the data of Holzinger and Swineford (1939), with answers taken away by rules that the test repeats.

suppressMessages({library(lavaan); library(psych)})
number <- function(x) trimws(formatC(x, digits = 12, format = "g"))
say <- function(name, x) cat(name, " = [", paste(number(unclass(x)), collapse = ", "), "]\n", sep = "")
items <- paste0("x", 1:9)
m <- "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
hs <- read.csv(file.path(commandArgs(TRUE)[1], "holzinger_swineford_1939.csv"))
hs$cluster <- hs$ageyr * 100 + hs$agemo
full <- hs
for (j in 1:9) hs[[items[j]]][(hs$id * 7 + j * 5) %% 13 < 2] <- NA
hs$x2[full$x1 > 5.5] <- NA; hs$x8[full$x7 < 3] <- NA
hs[hs$id %% 97 == 0, items] <- NA

cat("# Written by cfa_incomplete.R in this folder; change the script, not this file.\n\n[meta]\nr = \"", as.character(getRversion()),
    "\"\nlavaan = \"", as.character(packageVersion("lavaan")), "\"\npsych = \"", as.character(packageVersion("psych")), "\"\n", sep = "")
fit <- function(...) suppressWarnings(cfa(m, hs, missing = "fiml", ...))
f <- fit()
cat("\n# n, patterns; chisq, df, baseline.chisq, cfi, tli, rmsea, rmsea.ci.lower, rmsea.ci.upper, srmr, logl, aic, bic, npar\n[ml]\n")
say("counts", c(lavInspect(f, "nobs"), nrow(lavInspect(f, "patterns"))))
say("fit", fitMeasures(f, c("chisq", "df", "baseline.chisq", "cfi", "tli", "rmsea", "rmsea.ci.lower", "rmsea.ci.upper", "srmr",
                           "logl", "aic", "bic", "npar")))
p <- parameterEstimates(f); l <- p[p$op == "=~", ]; say("loadings", l$est); say("errors", l$se)
s <- standardizedSolution(f); l <- s[s$op == "=~", ]; say("standardised", l$est.std); say("standardised_errors", l$se)
cat("# of visual with textual and speed, textual with speed\n")
l <- s[s$op == "~~" & s$lhs != s$rhs, ]; say("correlations", l$est.std); say("correlation_errors", l$se)
cat("# index, change of the four largest\n")
mi <- modindices(f, sort. = TRUE, maximum.number = 4)
cat("pairs = [", paste0("\"", mi$lhs, mi$op, mi$rhs, "\"", collapse = ", "), "]\n", sep = ""); say("mi", mi$mi); say("change", mi$epc)

cat("\n# the saturated model: means, then covariances column by column\n[saturated]\n")
h1 <- lavInspect(f, "sampstat"); say("mean", h1$mean); say("covariance", h1$cov)
psy <- corFiml(hs[, items], covar = TRUE); say("psych_correlations", psy$cor)

cat("\n# chisq.scaled, its scaling factor, the baseline's, cfi.scaled, rmsea.scaled; standard errors of the loadings\n[mlr]\n")
scaled <- c("chisq.scaled", "chisq.scaling.factor", "baseline.chisq.scaling.factor", "cfi.scaled", "rmsea.scaled")
out <- function(name, f) { say(name, fitMeasures(f, scaled)); p <- parameterEstimates(f); say(paste0(name, "_errors"), p$se[p$op == "=~"]) }
out("plain", fit(estimator = "MLR")); out("clustered", fit(estimator = "MLR", cluster = "cluster"))

cat("\n# ordered answers: change of a number if freed alone (wlsmv, four categories)\n[ordered]\n")
cut4 <- as.data.frame(lapply(full[, items], function(x) as.integer(cut(x, quantile(x, c(0, .2, .5, .8, 1)), include.lowest = TRUE))))
w <- modindices(cfa(m, cut4, ordered = items, estimator = "WLSMV", std.lv = TRUE))
w <- w[w$op == "=~" & w$lhs == "visual" & w$rhs %in% c("x4", "x7", "x9"), ]
say("visual_x4_x7_x9", w$epc)
