# Reference figures for tests/test_factors.py and tests/test_factor_count.py.
#
# Usage, from this folder:   Rscript factors.R > factors.toml   (about half a minute)
#
# R's datasets (ability.cov: Smith and Stanley 1983; Harman74.cor: Holzinger and Swineford 1939), stats::factanal and
# promax, and psych for weights of scores and eigenvalues with communalities of one factor.

suppressMessages(library(psych))
number <- function(x) trimws(formatC(x, digits = 12, format = "g"))
row <- function(x) paste0("[", paste(number(x), collapse = ", "), "]")
rows <- function(x) paste0("[\n", paste0("  ", apply(x, 1, row), ",", collapse = "\n"), "\n]")
say <- function(name, value) cat(name, " = ", value, "\n", sep = "")

cat("# Written by factors.R in this folder; change the script, not this file.\n\n[meta]\n")
say("r", shQuote(as.character(getRversion()), "cmd"))
say("psych", shQuote(as.character(packageVersion("psych")), "cmd"))
cat("\n")

r <- cov2cor(ability.cov$cov)
cat("[ability]\n")
say("n", ability.cov$n.obs)
say("correlation", rows(r))
ml <- factanal(covmat = r, n.obs = ability.cov$n.obs, factors = 2, rotation = "promax", control = list(opt = list(factr = 1e2)))
say("promax", rows(unclass(ml$loadings)))
say("uniquenesses", row(ml$uniquenesses))
say("chi2", number(ml$STATISTIC))
say("p", number(ml$PVAL))
f <- suppressWarnings(fa(r, 2, n.obs = ability.cov$n.obs, fm = "minres", rotate = "Promax"))
say("minres", rows(unclass(f$loadings)))
say("phi", rows(f$Phi))
say("regression", rows(factor.scores(r, f, method = "Thurstone")$weights))
say("bartlett", rows(factor.scores(r, f, method = "Bartlett")$weights))
say("tenberge", rows(factor.scores(r, f, method = "tenBerge")$weights))
say("determinacy", row(sqrt(f$R2)))

cat("\n[harman]\n")
r <- Harman74.cor$cov
say("n", Harman74.cor$n.obs)
say("correlation", rows(r))
say("reduced", row(suppressWarnings(fa(r, 1, fm = "minres"))$values))
say("kmo", number(KMO(r)$MSA))
b <- cortest.bartlett(r, n = Harman74.cor$n.obs)
say("bartlett", number(b$chisq))
map <- function(r, power) {
  e <- eigen(r)
  sapply(0:(ncol(r) - 2), function(m) {
    left <- r
    for (k in seq_len(m)) left <- left - e$values[k] * tcrossprod(e$vectors[, k])
    q <- cov2cor(left)
    mean(q[upper.tri(q)]^power)
  })
}
say("map", row(map(r, 2)))
say("map_fourth", row(map(r, 4)))
set.seed(1)
n <- Harman74.cor$n.obs; p <- ncol(r)
one <- function(s) suppressMessages(suppressWarnings(fa(s, 1, fm = "minres")))$values
sim <- replicate(2000, one(cor(matrix(rnorm(n * p), n, p))))
say("chance_reduced", row(rowMeans(sim)))
say("chance_reduced_high", row(apply(sim, 1, quantile, .95)))
