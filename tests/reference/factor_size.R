# Reference numbers for the size for factors: chances from simulations in R, factored by psych.
#
# Usage, from this folder:   Rscript factor_size.R   (about five minutes)
# Writes factor_size.toml beside itself.
#
# Answers are drawn here by R's generator. psych::fa() extracts (minres by optimisation, not by iterated principal axes);
# the rotation is found by optim() over three angles from several starts, not by singular values; the congruence is that of
# psych::factor.congruence. Parallel analysis takes its random eigenvalues from R. Nothing is shared with the Python code.

suppressMessages(library(psych))
set.seed(20)
samples <- 600
wanted <- 0.95

loadings_of <- function(items, loading) {
  out <- matrix(0, sum(items), length(items))
  out[cbind(seq_len(sum(items)), rep(seq_along(items), items))] <- loading
  out
}
rated <- function(z, points) {
  if (is.na(points)) return(z)
  cuts <- seq(-2.5, 2.5, length.out = points + 1)[2:points]
  matrix(findInterval(z, cuts), nrow(z))
}
turn <- function(t) {               # a rotation in three dimensions by its angles
  a <- matrix(c(cos(t[1]), sin(t[1]), 0, -sin(t[1]), cos(t[1]), 0, 0, 0, 1), 3)
  b <- matrix(c(cos(t[2]), 0, sin(t[2]), 0, 1, 0, -sin(t[2]), 0, cos(t[2])), 3)
  c <- matrix(c(1, 0, 0, 0, cos(t[3]), sin(t[3]), 0, -sin(t[3]), cos(t[3])), 3)
  a %*% b %*% c
}
nearest <- function(A, target) {    # also mirrored
  best <- list(value = Inf)
  for (mirror in c(1, -1)) for (start in list(c(0, 0, 0), c(1.5, 0.5, -1), c(-1.5, 1.5, 2), c(3, -0.7, 0.5))) {
    B <- A; B[, 1] <- mirror * B[, 1]
    fit <- optim(start, function(t) sum((B %*% turn(t) - target)^2), method = "BFGS", control = list(reltol = 1e-12))
    if (fit$value < best$value) best <- list(value = fit$value, loadings = B %*% turn(fit$par))
  }
  best$loadings
}
chances <- function(items, loading, phi, points, n) {
  L <- loadings_of(items, loading)
  F <- matrix(phi, 3, 3); diag(F) <- 1
  R <- L %*% F %*% t(L); diag(R) <- 1
  e <- eigen(F); root <- e$vectors %*% diag(sqrt(e$values)) %*% t(e$vectors)
  noise <- replicate(400, eigen(cor(matrix(rnorm(n * nrow(L)), n)), only.values = TRUE)$values)
  reference <- apply(noise, 1, quantile, 0.95)
  worst <- counted <- numeric(samples)
  for (k in seq_len(samples)) {
    X <- rated(matrix(rnorm(n * nrow(L)), n) %*% chol(R), points)
    S <- cor(X)
    A <- unclass(suppressWarnings(suppressMessages(fa(S, 3, n.obs = n, fm = "minres", rotate = "none")))$loadings)
    P <- nearest(A, L %*% root) %*% solve(root)
    worst[k] <- min(diag(factor.congruence(P, L, digits = 6)))
    above <- eigen(S, only.values = TRUE)$values > reference
    counted[k] <- sum(cumprod(above))
  }
  c(agree = mean(worst >= wanted), worst = mean(worst), number = mean(counted == 3))
}

cases <- list(list(items = c(4, 4, 4), loading = 0.7, phi = 0.3, points = NA, n = 80),
              list(items = c(4, 4, 4), loading = 0.6, phi = 0.3, points = 7, n = 150),
              list(items = c(3, 5, 4), loading = 0.6, phi = 0.5, points = 5, n = 250))
lines <- c("# Written by factor_size.R in this folder; change the script, not this file.", "", "[meta]",
           sprintf('r = "%s"', paste(R.version$major, R.version$minor, sep = ".")),
           sprintf('psych = "%s"', packageVersion("psych")), sprintf("samples = %d", samples), sprintf("agreement = %g", wanted))
for (case in cases) {
  found <- do.call(chances, case)
  lines <- c(lines, "", "[[case]]", sprintf("items = [%s]", paste(case$items, collapse = ", ")),
             sprintf("loading = %g", case$loading), sprintf("factor_correlation = %g", case$phi),
             if (!is.na(case$points)) sprintf("points = %d", case$points), sprintf("n = %d", case$n),
             sprintf("agree = %.6f", found["agree"]), sprintf("worst = %.6f", found["worst"]),
             sprintf("number = %.6f", found["number"]))
  writeLines(lines, "factor_size.toml")
}
