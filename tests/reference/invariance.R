# Reference figures for tests/test_invariance_ordered.py, test_invariance_forms.py and test_levels.py.
#
# Usage, from this folder:   Rscript invariance.R ../../../shared/data > invariance.toml
#
# lavaan on the bfi data of psych (ordered answers of women and men), on the expectations and perceptions of kiosk users, and on
# students of faculties, taken down to equal size, as groups of a two-level model.

suppressMessages(library(lavaan))
number <- function(x) trimws(formatC(x, digits = 12, format = "g"))
say <- function(name, x) cat(name, " = [", paste(number(unclass(x)), collapse = ", "), "]\n", sep = "")
data <- function(name) read.csv(file.path(commandArgs(TRUE)[1], name))
quietly <- function(...) suppressWarnings(cfa(...))
cat("# Written by invariance.R in this folder; change the script, not this file.\n\n[meta]\nr = \"", as.character(getRversion()),
    "\"\nlavaan = \"", as.character(packageVersion("lavaan")), "\"\n", sep = "")

# --- ordered answers: one model of thresholds, loadings, intercepts and residual variances for each step ---
items <- c(paste0("N", 1:5), paste0("E", 1:5))
bfi <- na.omit(data("bfi.csv")[, c(items, "gender")])
m <- "N =~ N1 + N2 + N3 + N4 + N5\nE =~ E1 + E2 + E3 + E4 + E5"
lines <- function(...) paste(c(...), collapse = "\n")
cuts <- lines(sapply(items, function(i) paste0(i, " | ", paste0("c(", i, "_", 1:5, ", ", i, "_", 1:5, ")*t", 1:5, collapse = " + "))))
equal <- lines(paste0("N", 1:5, " ~ c(0, 0)*1"), paste0("E", 1:5, " ~ c(0, 0)*1"))
free <- gsub("c(0, 0)", "c(0, NA)", equal, fixed = TRUE)
loads <- "N =~ c(1, 1)*N1 + c(a2, a2)*N2 + c(a3, a3)*N3 + c(a4, a4)*N4 + c(a5, a5)*N5
E =~ c(1, 1)*E1 + c(b2, b2)*E2 + c(b3, b3)*E3 + c(b4, b4)*E4 + c(b5, b5)*E5"
spread <- lines(paste0(items, " ~~ c(1, NA)*", items))
one <- gsub("NA", "1", spread)
zero <- "N ~ c(0, 0)*1\nE ~ c(0, 0)*1"
level <- "N ~ c(0, NA)*1\nE ~ c(0, NA)*1"
steps <- list(configural = lines(m, equal, one, zero), thresholds = lines(m, cuts, free, spread, zero),
              metric = lines(loads, cuts, free, spread, zero), scalar = lines(loads, cuts, equal, spread, level),
              strict = lines(loads, cuts, equal, one, level))
cat("\n# n of both groups; chisq, df, chisq.scaled, cfi.scaled, tli.scaled, rmsea.scaled, srmr of each step; latent means of the second",
    "\n# group, the first's are 0; chi-square, df and p of each difference (Satorra 2000, scaled and shifted)\n[ordered]\n", sep = "")
fits <- list()
for (name in names(steps)) {
  f <- quietly(steps[[name]], bfi, ordered = items, estimator = "WLSMV", parameterization = "theta", group = "gender")
  if (name == "configural") say("n", lavInspect(f, "nobs"))
  say(name, fitMeasures(f, c("chisq", "df", "chisq.scaled", "cfi.scaled", "tli.scaled", "rmsea.scaled", "srmr")))
  if (name == "scalar") {
    p <- parameterEstimates(f); p <- p[p$op == "~1" & p$lhs %in% c("N", "E") & p$group == 2, ]; say("means", p$est); say("mean_errors", p$se)
  }
  fits[[name]] <- f
}
for (k in 2:5) {
  d <- lavTestLRT(fits[[k]], fits[[k - 1]], method = "satorra.2000", scaled.shifted = TRUE)
  say(paste0("difference_", names(steps)[k]), unlist(d[2, c("Chisq diff", "Df diff", "Pr(>Chisq)")]))
}

# --- both forms of the same people: two sets of factors, residuals of an item covary ---
kiosk <- data("kiosk_servqual.csv")
own <- list(tangibles = c("04", "05", "06"), security = c("19", "20", "21"), economy = c("10", "11", "18"))
every <- unlist(own)
loads <- function(equal) lines(sapply(c("E", "P"), function(form) sapply(names(own), function(d) {
  label <- if (equal) paste0("l", own[[d]][-1]) else paste0("l", form, own[[d]][-1])
  paste0(form, d, " =~ 1*", form, own[[d]][1], " + ", paste0(label, "*", form, own[[d]][-1], collapse = " + ")) })))
base <- lines(paste0("E", every, " ~~ P", every))
levels <- function(equal) lines(paste0(c("E", "P")[rep(1:2, each = 9)], every, " ~ ", if (equal) "i" else c("iE", "iP")[rep(1:2, each = 9)],
                                       every, "*1"))
means <- function(free) lines(paste0("E", names(own), " ~ 0*1"), paste0("P", names(own), if (free) " ~ NA*1" else " ~ 0*1"))
noise <- function(equal) lines(paste0(c("E", "P")[rep(1:2, each = 9)], every, " ~~ ", if (equal) "t" else c("tE", "tP")[rep(1:2, each = 9)],
                                      every, "*", c("E", "P")[rep(1:2, each = 9)], every))
paired <- list(configural = c(FALSE, FALSE, FALSE), metric = c(TRUE, FALSE, FALSE), scalar = c(TRUE, TRUE, FALSE), strict = c(TRUE, TRUE, TRUE))
cat("\n# chisq, df, cfi, tli, rmsea, srmr, npar of each step; latent means of perceptions (those of expectations are 0), their errors\n[paired]\n")
for (name in names(paired)) {
  e <- paired[[name]]
  f <- quietly(lines(loads(e[1]), base, levels(e[2]), means(e[2]), noise(e[3])), kiosk, meanstructure = TRUE)
  say(name, fitMeasures(f, c("chisq", "df", "cfi", "tli", "rmsea", "srmr", "npar")))
  if (name == "scalar") {
    p <- parameterEstimates(f); p <- p[p$op == "~1" & p$lhs %in% paste0("P", names(own)), ]
    say("means", p$est); say("mean_errors", p$se)
  }
}

# --- one factor between groups of equal size, the covariance within them left free ---
students <- data("univ_orientation.csv")
asked <- c("informat", "willingn", "officeho", "compete", "global")
students <- students[complete.cases(students[, c("faculty", asked)]), ]
place <- ave(seq_len(nrow(students)), students$faculty, FUN = seq_along)
size <- 40
students <- students[students$faculty %in% names(which(table(students$faculty) >= size)) & place <= size, ]
cat("\n# groups, size; standardised loadings between groups with and without the last item; without it, where the covariance between groups",
    "\n# has no negative root: twice the log likelihood that a saturated model gains (its own fit: lavaan's saturated moments are not",
    "\n# iterated to the end), df\n[general]\n", sep = "")
say("groups", c(length(unique(students$faculty)), size))
for (few in list(asked, asked[1:4])) {
  pairs <- outer(few, few, function(a, b) paste(a, "~~", b))
  two <- lines("level: 1", pairs[lower.tri(pairs, diag = TRUE)], "level: 2", paste("f =~", paste(few, collapse = " + ")))
  f <- quietly(two, students, cluster = "faculty", std.lv = TRUE)
  s <- standardizedSolution(f)
  say(paste0("loadings_", length(few)), s$est.std[s$op == "=~"])
}
whole <- quietly(lines("level: 1", pairs[lower.tri(pairs, diag = TRUE)], "level: 2", pairs[lower.tri(pairs, diag = TRUE)]), students,
                 cluster = "faculty")
say("fit_4", c(2 * (logLik(whole) - logLik(f)), fitMeasures(f, "df")))
