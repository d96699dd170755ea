# Reference numbers for regressions, tables and rank tests under a design, made with R and the survey package.
#
# Usage, from this folder:   Rscript regression_and_tables.R
# Reads design_small.csv (synthetic, written by design_based.R) and the package's own api data, writes
# regression_and_tables.toml beside itself. Where a number has a second route, it is taken, and the script stops when
# the two disagree.

suppressMessages(library(survey))
options(survey.lonely.psu = "fail", warn = 1)

# ---------- writing TOML --------------------------------------------------------------------------
lines <- character()
emit <- function(...) lines <<- c(lines, paste0(...))
scalar <- function(v) {
  if (is.character(v)) return(paste0("\"", v, "\""))
  if (is.nan(v) || is.na(v)) return("nan")
  s <- sprintf("%.14g", v)
  if (grepl("[.e]", s)) s else paste0(s, ".0")
}
value <- function(v) if (length(v) == 1) scalar(v) else paste0("[", paste(vapply(unname(v), scalar, ""), collapse = ", "), "]")
table_out <- function(name, content) {
  emit(""); emit("[", name, "]")
  for (k in names(content)) emit(k, " = ", value(content[[k]]))
}
same <- function(a, b, tol = 1e-9) stopifnot(isTRUE(all.equal(as.numeric(a), as.numeric(b), tolerance = tol)))

# ---------- blocks --------------------------------------------------------------------------------
model <- function(fit, terms = NULL) {
  s <- summary(fit)$coefficients
  ci <- s[, 1] + outer(s[, 2], c(-1, 1)) * qt(.975, fit$df.residual)
  out <- list(term = rownames(s), coefficient = s[, 1], se = s[, 2], p = s[, 4], low = ci[, 1], high = ci[, 2],
    df = fit$df.residual, n = length(fit$y))
  if (!is.null(terms)) {
    w <- regTermTest(fit, terms)
    out <- c(out, list(wald_f = as.numeric(w$Ftest), wald_df1 = w$df, wald_df2 = w$ddf, wald_p = as.numeric(w$p)))
  }
  if (family(fit)$family == "gaussian") {
    w <- weights(fit, "prior"); e <- fit$y - fitted(fit)
    r2 <- 1 - fit$deviance / fit$null.deviance
    same(r2, 1 - sum(w * e^2) / sum(w * (fit$y - weighted.mean(fit$y, w))^2))
    out$r_squared <- r2
  }
  out
}
# R takes the working weights of the last step but one; starting again from the solution makes them those of the solution
tight <- glm.control(epsilon = 1e-14, maxit = 100)
begin <- NULL  # svyglm looks its arguments up in the global environment
logistic <- function(formula, design) {
  begin <<- coef(svyglm(formula, design, family = quasibinomial(), control = tight))
  svyglm(formula, design, family = quasibinomial(), control = tight, start = begin)
}
rao_scott <- function(formula, design) {
  f <- svychisq(formula, design, statistic = "F"); x <- svychisq(formula, design, statistic = "Chisq")
  list(f = as.numeric(f$statistic), df1 = f$parameter[[1]], df2 = f$parameter[[2]], p = as.numeric(f$p.value),
    pearson = as.numeric(x$statistic), first_order_df = x$parameter[[1]], first_order_p = as.numeric(x$p.value))
}
# share of each row category within each column category: estimate and standard error, first row category first
shares <- function(row, column, design) {
  rows <- sort(unique(model.frame(design)[[row]]))
  each <- lapply(rows, function(r) {
    own <- update(design, indicator = as.numeric(model.frame(design)[[row]] == r))
    svyby(~indicator, as.formula(paste0("~", column)), own, svymean)
  })
  list(columns = as.character(each[[1]][, 1]), rows = as.character(rows),
    share = as.vector(sapply(each, function(e) e$indicator)), se = as.vector(sapply(each, function(e) e$se)))
}
# svyranktest orders rows with equal answers as they stand in the file, so with unequal weights its midranks depend on
# that order. The reference takes the middle of the tied weights, and must agree with svyranktest where weights are equal.
ranks <- function(formula, design) {
  r <- svyranktest(formula, design)
  two <- names(r$statistic) == "t"
  printed <- if (two) as.numeric(r$statistic)^2 else as.numeric(r$parameter / r$statistic)
  y <- model.frame(design)[[all.vars(formula)[1]]]; w <- weights(design)
  tied <- tapply(w, y, sum)
  design <- update(design, midrank = as.numeric(((cumsum(tied) - tied / 2) / sum(w))[as.character(y)]))
  test <- regTermTest(svyglm(update(formula, midrank ~ .), design), update(formula, NULL ~ .))
  if (max(w) / min(w) < 1 + 1e-9) { same(test$Ftest, printed); same(test$p, r$p.value) }
  list(f = as.numeric(test$Ftest), df1 = as.numeric(test$df), df2 = as.numeric(test$ddf), p = as.numeric(test$p), svyranktest_f = printed)
}
block <- function(name, design, y, x, factor, group, yes_on, cell) {
  table_out(paste0(name, ".linear"), model(svyglm(as.formula(paste(y, "~", x, "+", factor)), design), as.formula(paste("~", factor))))
  table_out(paste0(name, ".groups"), model(svyglm(as.formula(paste(y, "~", factor)), design), as.formula(paste("~", factor))))
  table_out(paste0(name, ".logistic"), model(logistic(as.formula(paste("yes ~", yes_on)), design),
    as.formula(paste("~", yes_on))))
  table_out(paste0(name, ".rao_scott"), rao_scott(as.formula(paste0("~", cell, "+", factor)), design))
  table_out(paste0(name, ".shares"), shares(cell, factor, design))
  table_out(paste0(name, ".ranks_of_groups"), ranks(as.formula(paste(y, "~", factor)), design))
  table_out(paste0(name, ".ranks_of_two"), ranks(as.formula(paste(y, "~", group)), design))
}

emit("# Written by regression_and_tables.R in this folder; change the script, not this file.")
emit("# small: design_small.csv without its single-cluster stratum. api: the samples of R's survey package.")
table_out("meta", list(r = paste(R.version$major, R.version$minor, sep = "."), survey = as.character(packageVersion("survey")),
  tolerance_relative = 1e-9))

# ---------- small: strata and clusters, two ways ----------------------------------------------------
small <- read.csv("design_small.csv")
small <- small[small$stratum != "C", ]
small$band <- cut(small$x, c(0, 5, 6, 9), labels = c("low", "middle", "high"))
one_stage <- svydesign(id = ~cluster, strata = ~stratum, weights = ~weight, data = small)
two_stage <- svydesign(id = ~cluster + id, strata = ~stratum, weights = ~weight, data = small,
  fpc = ~clusters_in_stratum + units_in_cluster)
for (name in c("one_stage", "two_stage"))
  block(paste0("small.", name), get(name), "y", "x", "band", "sex", "gap1 + sex", "yes")
gaps <- small; gaps$y[c(3, 17, 30)] <- NA; gaps$x[c(5, 17)] <- NA
with_gaps <- svydesign(id = ~cluster, strata = ~stratum, weights = ~weight, data = gaps)
table_out("small.missing.linear", model(svyglm(y ~ x + sex, with_gaps), ~sex))
jackknife <- svyglm(y ~ x + sex, as.svrepdesign(one_stage, type = "JKn"))
table_out("small.jackknife", list(coefficient = coef(jackknife), se = SE(jackknife)))
unclustered <- svydesign(id = ~1, weights = ~1, data = small)
table_out("small.simple.rao_scott", rao_scott(~yes + sex, unclustered))

# ---------- the package's school samples ------------------------------------------------------------
data(api)
recoded <- function(d) { d$yes <- as.numeric(d$sch.wide == "Yes"); d$quarter <- pmin(floor(d$meals / 25), 3); d }
api <- list(
  srs = svydesign(id = ~1, fpc = ~fpc, data = recoded(apisrs)),
  strat = svydesign(id = ~1, strata = ~stype, weights = ~pw, fpc = ~fpc, data = recoded(apistrat)),
  clus1 = svydesign(id = ~dnum, weights = ~pw, fpc = ~fpc, data = recoded(apiclus1)),
  clus2 = svydesign(id = ~dnum + snum, fpc = ~fpc1 + fpc2, data = recoded(apiclus2)))
for (name in names(api))
  block(paste0("api.", name), api[[name]], "api00", "ell", "stype", "sch.wide", "ell + stype", "quarter")

writeLines(lines, "regression_and_tables.toml")
