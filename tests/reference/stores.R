# Reference numbers for store estimates: the Fay-Herriot model by base R, with whole matrices and integrate().
#
# Usage, from this folder:   Rscript stores.R
# Writes stores.toml beside itself.
#
# Data: expenditure on fresh milk in 43 areas (Arora and Lahiri 1997; major areas of You and Chapman 2006), as printed
# in R's package sae. Below the restricted likelihood is written with log|V| + log|X'V^-1 X| + y'Py; nothing is shared
# with the Python code, which works with weighted sums per group. optimize() and uniroot() must agree.

y <- c(1.099, 1.075, 1.105, .628, .753, .981, 1.257, 1.095, 1.405, 1.356, .615, 1.46, 1.338, .854, 1.176, 1.111, 1.257,
       1.43, 1.278, 1.292, 1.002, 1.183, 1.044, 1.267, 1.193, .791, .795, .759, .796, .565, .886, .952, .807, .582, .684,
       .787, .44, .759, .77, .8, .756, .865, .64)
s <- c(.163, .08, .083, .109, .119, .141, .202, .127, .168, .178, .1, .201, .148, .143, .149, .145, .135, .172, .137,
       .163, .125, .247, .14, .171, .106, .121, .121, .259, .106, .089, .225, .205, .119, .067, .106, .126, .092, .132,
       .1, .113, .083, .121, .129)
g <- factor(rep(1:4, c(7, 7, 11, 18)))
X <- model.matrix(~ 0 + g)
v <- s^2
k <- length(y)

P <- function(a) { W <- diag(1 / (a + v)); W - W %*% X %*% solve(t(X) %*% W %*% X) %*% t(X) %*% W }
restricted <- function(a) {
  W <- diag(1 / (a + v))
  -0.5 * (sum(log(a + v)) + as.numeric(determinant(t(X) %*% W %*% X)$modulus) + as.numeric(t(y) %*% P(a) %*% y))
}
score <- function(a) { p <- P(a); as.numeric(t(y) %*% p %*% p %*% y) - sum(diag(p)) }

tau2 <- uniroot(score, c(1e-6, 1), tol = 1e-15)$root
by_optimize <- optimize(restricted, c(0, 0.2), maximum = TRUE, tol = 1e-10)$maximum
stopifnot(abs(tau2 - by_optimize) < 1e-6)

given <- function(a) {           # means and variances of the areas given tau2, by whole matrices
  W <- diag(1 / (a + v)); C <- solve(t(X) %*% W %*% X); m <- X %*% C %*% t(X) %*% W %*% y
  B <- diag(v / (a + v))
  list(mean = as.numeric(y - B %*% (y - m)), var = diag(diag(v) %*% (diag(k) - B)) + diag(B %*% X %*% C %*% t(X) %*% B))
}
peak <- restricted(tau2)
density <- Vectorize(function(a) exp(restricted(a) - peak))
over <- function(f) integrate(Vectorize(function(a) density(a) * f(a)), 0, 0.03, rel.tol = 1e-12, subdivisions = 2000)$value +
                    integrate(Vectorize(function(a) density(a) * f(a)), 0.03, 2, rel.tol = 1e-12, subdivisions = 2000)$value
whole <- over(function(a) 1)
areas <- c(1, 4, 11, 22, 28, 43)
mean1 <- sapply(areas, function(i) over(function(a) given(a)$mean[i]) / whole)
square <- sapply(areas, function(i) over(function(a) given(a)$mean[i]^2 + given(a)$var[i]) / whole)
below <- sapply(areas, function(i) over(function(a) pnorm(0.9, given(a)$mean[i], sqrt(given(a)$var[i]))) / whole)
low <- sapply(areas, function(i) uniroot(function(t) over(function(a)
  pnorm(t, given(a)$mean[i], sqrt(given(a)$var[i]))) / whole - 0.025, c(-1, 3), tol = 1e-11)$root)
fit <- given(tau2)

list_of <- function(x) paste0("[", paste(trimws(formatC(x, digits = 14, format = "g")), collapse = ", "), "]")
writeLines(c(
  "# Written by stores.R in this folder; change the script, not this file.",
  "", "[meta]", paste0('r = "', getRversion(), '"'),
  "", "[milk]",
  paste0("y = ", list_of(y)), paste0("se = ", list_of(s)), paste0("group = ", list_of(as.integer(g) - 1L)),
  "", "[milk.reml]",
  paste0("tau2 = ", formatC(tau2, digits = 14, format = "g")),
  paste0("estimate = ", list_of(fit$mean)), paste0("variance_given_tau2 = ", list_of(fit$var)),
  "", "[milk.integrated]", "# areas counted from 0; below: probability of a true value under 0.9; low: 2.5% quantile",
  paste0("area = ", list_of(areas - 1L)),
  paste0("mean = ", list_of(mean1)), paste0("sd = ", list_of(sqrt(square - mean1^2))),
  paste0("below = ", list_of(below)), paste0("low = ", list_of(low)),
  "", "[milk.sae]", "# sae::eblupFH(yi ~ as.factor(MajorArea), SD^2, method = \"REML\"), which stops at a precision of 1e-4;",
  "# printed in its reference manual: refvar, coefficients (intercept, then differences to it).",
  "tau2 = 0.01855022", "coefficients = [0.9681890, 0.1327801, 0.2269462, -0.2413011]",
  "coefficient_se = [0.06936208, 0.10300072, 0.09232981, 0.08161707]",
  "estimate_first_five = [1.0219703, 1.0476018, 1.0679513, 0.7608170, 0.8461574]"
), "stores.toml")
