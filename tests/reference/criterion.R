# R², correlations, free weights and their errors under a design, from R's survey package. Writes criterion.toml.
# Run in this folder: Rscript criterion.R > criterion.toml
suppressMessages(library(survey))
options(survey.lonely.psu = "adjust", digits = 15)

small <- read.csv("design_small.csv")
small <- transform(small, one = 1, yy = y^2, xx = x^2, gg = gap1^2, xy = x * y, gy = gap1 * y, xg = x * gap1)

line <- function(name, value, se) cat(sprintf("%s = [%.15g, %.15g]\n", name, value, se))

block <- function(name, data) {
  design <- svydesign(ids = ~cluster, strata = ~stratum, weights = ~weight, data = data, nest = TRUE)
  totals <- svytotal(~one + y + x + gap1 + yy + xx + gg + xy + gy + xg, design)
  cyy <- "(yy - y^2/one)"; cxx <- "(xx - x^2/one)"; cgg <- "(gg - gap1^2/one)"
  cxy <- "(xy - x*y/one)"; cgy <- "(gy - gap1*y/one)"; cxg <- "(xg - x*gap1/one)"
  r2x <- paste0(cxy, "^2/(", cxx, "*", cyy, ")")
  r2g <- paste0(cgy, "^2/(", cgg, "*", cyy, ")")
  both <- paste0("(", cxy, "^2*", cgg, "+", cgy, "^2*", cxx, "-2*", cxy, "*", cgy, "*", cxg, ")/(", cyy, "*(", cxx, "*", cgg, "-", cxg, "^2))")
  gap <- paste0("(", cxy, "-", cgy, ")^2/((", cxx, "+", cgg, "-2*", cxg, ")*", cyy, ")")
  texts <- c(r2_x = r2x, r2_gap1 = r2g, r2_both = both, r2_x_less_gap1 = paste0(r2x, "-", r2g),
             r2_difference_score = gap, r_x = paste0(cxy, "/sqrt(", cxx, "*", cyy, ")"))
  cat(sprintf("[%s]\ndf = %d\n", name, degf(design)))
  for (n in names(texts)) {
    found <- svycontrast(totals, list(value = parse(text = texts[[n]])[[1]]))
    line(n, coef(found), SE(found))
  }
  fit <- svyglm(y ~ x + gap1, design)
  for (n in c("x", "gap1")) line(paste0("weight_", n), coef(fit)[n], SE(fit)[n])
  summed <- svycontrast(fit, c(0, 1, 1))
  line("weight_sum", coef(summed), SE(summed))
  spread <- weighted.mean((data$y - weighted.mean(data$y, data$weight))^2, data$weight)
  cat(sprintf("r2_svyglm = %.15g\n\n", 1 - weighted.mean((data$y - fitted(fit))^2, data$weight) / spread))
}

direct <- function(name, data) {
  data <- transform(data, worse = as.numeric(gap1 < 0), same = as.numeric(gap1 == 0), better = as.numeric(gap1 > 0))
  design <- svydesign(ids = ~cluster, strata = ~stratum, weights = ~weight, data = data, nest = TRUE)
  cat(sprintf("[%s]\n", name))
  found <- svymean(~gap1 + worse + same + better, design)
  for (n in names(coef(found))) line(n, coef(found)[n], SE(found)[n])
  for (n in c("worse", "better")) {
    ci <- confint(svyciprop(as.formula(paste0("~", n)), design, method = "logit", df = degf(design)))
    cat(sprintf("%s_ci = [%.15g, %.15g]\n", n, ci[1], ci[2]))
  }
  cat("\n")
}

cat(sprintf("# Written by criterion.R: R %s, survey %s; single-cluster strata adjusted.\n\n",
            getRversion(), packageVersion("survey")))
block("strata_a_b", subset(small, stratum != "C"))
block("all_adjust", small)
direct("direct", subset(small, stratum != "C"))
