# Reference numbers for calibrated weights and their errors, made with R and the survey package.
#
# Usage, from this folder:   Rscript calibration.R
# Reads design_small.csv (synthetic, written by design_based.R) and writes calibration.toml beside itself.
#
# Base weights are unequal, there are strata, clusters and a two-stage finite population. R's rake() leaves unweighted
# means out of the influence; where base weights are unequal that is not the regression of Deville and Särndal, so raked
# errors come from calibrate(calfun = "raking") on the same margins, whose weights must agree with rake().

suppressMessages(library(survey))

# survey takes its pseudo-inverse from MASS; where that is not installed, this one does the same.
if (!requireNamespace("MASS", quietly = TRUE)) {
  ginv <- function(x, tol) {
    s <- svd(x)
    keep <- s$d > tol * s$d[1]
    s$v[, keep, drop = FALSE] %*% (t(s$u[, keep, drop = FALSE]) / s$d[keep])
  }
  own <- eval(parse(text = gsub("MASS::ginv", "ginv", deparse(survey::grake), fixed = TRUE)))
  environment(own) <- list2env(list(ginv = ginv), parent = asNamespace("survey"))
  assignInNamespace("grake", own, "survey")
}
options(survey.lonely.psu = "adjust", warn = 1)
d <- read.csv("design_small.csv")
lines <- c("# Written by calibration.R in this folder; change the script, not this file.", "",
           "[meta]", sprintf('r = "%s"', paste(R.version$major, R.version$minor, sep = ".")),
           sprintf('survey = "%s"', packageVersion("survey")), "tolerance_relative = 1e-8", "")

number <- function(x) sprintf("%.14g", x)
block <- function(name, design) {
  m <- svymean(~y, design); t <- svytotal(~x, design); r <- svyratio(~y, ~x, design)
  f <- svymean(~y, subset(design, sex == "f")); v <- svyvar(~y, design)
  g <- svyglm(y ~ x, design)
  lines <<- c(lines, sprintf("[%s]", name),
    sprintf("weights = [%s]", paste(number(weights(design)), collapse = ", ")),
    sprintf("mean_y = [%s, %s]", number(coef(m)), number(SE(m))),
    sprintf("total_x = [%s, %s]", number(coef(t)), number(SE(t))),
    sprintf("ratio_y_x = [%s, %s]", number(coef(r)), number(SE(r))),
    sprintf("mean_y_women = [%s, %s]", number(coef(f)), number(SE(f))),
    sprintf("variance_y = [%s, %s]", number(v[1]), number(SE(v))),
    sprintf("slope = [%s, %s]", number(coef(g)[2]), number(SE(g)[2])), "")
}

d <- d[complete.cases(d[c("y", "x")]) & d$stratum != "C", ]
clustered <- svydesign(id = ~cluster, strata = ~stratum, weights = ~weight, data = d)
twostage <- svydesign(id = ~cluster + id, strata = ~stratum, weights = ~weight, data = d,
                      fpc = ~clusters_in_stratum + units_in_cluster)
direct <- svydesign(id = ~1, strata = ~stratum, weights = ~weight, data = d)
sex <- data.frame(sex = c("f", "m"), Freq = c(1000, 900))
visit <- data.frame(visit = c("first", "repeat"), Freq = c(500, 1400))
both <- c(`(Intercept)` = 1900, sexm = 900, visitrepeat = 1400)
tight <- list(maxit = 500, epsilon = 1e-13)

for (kind in c("clustered", "twostage", "direct")) {
  design <- get(kind)
  raked <- calibrate(design, ~sex + visit, both, calfun = "raking", epsilon = 1e-12, maxit = 200)
  swept <- rake(design, list(~sex, ~visit), list(sex, visit), control = tight)
  stopifnot(max(abs(weights(raked) / weights(swept) - 1)) < 1e-9)
  block(paste0(kind, ".raked"), raked)
  block(paste0(kind, ".poststratified"), postStratify(design, ~sex, sex))
  block(paste0(kind, ".linear"), calibrate(design, ~sex + x, c(`(Intercept)` = 1900, sexm = 900, x = 10400)))
  block(paste0(kind, ".logit"), calibrate(design, ~sex + x, c(`(Intercept)` = 1900, sexm = 900, x = 10400),
                                          calfun = "logit", bounds = c(0.4, 2.5), epsilon = 1e-12, maxit = 200))
  block(paste0(kind, ".capped"), calibrate(design, ~sex + visit, both, calfun = "raking", bounds = c(0.5, 1.45),
                                           epsilon = 1e-12, maxit = 500))
}
writeLines(lines, "calibration.toml")
