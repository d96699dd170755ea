# Shapley shares of two drivers and coefficients in standard deviations with their errors, penalties and rewards, and the lead
# of one Kano category over another under a design, from R's survey package. Run here: Rscript drivers.R > drivers.toml
suppressMessages(library(survey))
options(survey.lonely.psu = "adjust", digits = 15)

small <- read.csv("design_small.csv")
small <- transform(small, one = 1, yy = y^2, xx = x^2, gg = gap1^2, xy = x * y, gy = gap1 * y, xg = x * gap1,
                   x_low = as.numeric(x <= 5), x_high = as.numeric(x >= 7), gap_low = as.numeric(gap1 <= -1),
                   gap_high = as.numeric(gap1 >= 1), first = (y - 1) %% 5 + 1, second = (x + gap1 + 10) %% 5 + 1)
small$indifferent <- with(small, as.numeric(first %in% 2:4 & second %in% 2:4))
small$reverse <- with(small, as.numeric((first == 5 & second < 5) | (first > 1 & second == 1)))
small$lead <- small$indifferent - small$reverse

line <- function(name, value, se) cat(sprintf("%s = [%.15g, %.15g]\n", name, value, se))

block <- function(name, data) {
  design <- svydesign(ids = ~cluster, strata = ~stratum, weights = ~weight, data = data, nest = TRUE)
  totals <- svytotal(~one + y + x + gap1 + yy + xx + gg + xy + gy + xg, design)
  cyy <- "(yy - y^2/one)"; cxx <- "(xx - x^2/one)"; cgg <- "(gg - gap1^2/one)"
  cxy <- "(xy - x*y/one)"; cgy <- "(gy - gap1*y/one)"; cxg <- "(xg - x*gap1/one)"
  r2x <- paste0("(", cxy, "^2/(", cxx, "*", cyy, "))")
  r2g <- paste0("(", cgy, "^2/(", cgg, "*", cyy, "))")
  both <- paste0("((", cxy, "^2*", cgg, "+", cgy, "^2*", cxx, "-2*", cxy, "*", cgy, "*", cxg, ")/(", cyy, "*(", cxx, "*", cgg, "-", cxg, "^2)))")
  determinant <- paste0("(", cxx, "*", cgg, "-", cxg, "^2)")
  share_x <- paste0("(", both, "+", r2x, "-", r2g, ")/2")
  share_g <- paste0("(", both, "+", r2g, "-", r2x, ")/2")
  texts <- c(share_x = share_x, share_gap1 = share_g, part_x = paste0("(", share_x, ")/", both),
             beta_x = paste0("(", cxy, "*", cgg, "-", cgy, "*", cxg, ")/", determinant, "*sqrt(", cxx, "/", cyy, ")"),
             beta_gap1 = paste0("(", cgy, "*", cxx, "-", cxy, "*", cxg, ")/", determinant, "*sqrt(", cgg, "/", cyy, ")"))
  cat(sprintf("[%s]\ndf = %d\n", name, degf(design)))
  for (n in names(texts)) {
    found <- svycontrast(totals, list(value = parse(text = texts[[n]])[[1]]))
    line(n, coef(found), SE(found))
  }
  fit <- svyglm(y ~ x_low + gap_low + x_high + gap_high, design)
  for (n in c("x_low", "gap_low", "x_high", "gap_high")) line(n, coef(fit)[n], SE(fit)[n])
  for (n in c("x", "gap")) {
    which <- as.numeric(names(coef(fit)) %in% paste0(n, c("_low", "_high")))
    summed <- svycontrast(fit, which)
    line(paste0(n, "_sum"), coef(summed), SE(summed))
  }
  for (n in c("indifferent", "reverse", "lead")) {
    found <- svymean(as.formula(paste0("~", n)), design)
    line(n, coef(found), SE(found))
  }
  cat("\n")
}

cat(sprintf("# Written by drivers.R: R %s, survey %s; single-cluster strata adjusted.\n\n", getRversion(), packageVersion("survey")))
block("strata_a_b", subset(small, stratum != "C"))
block("all_adjust", small)
