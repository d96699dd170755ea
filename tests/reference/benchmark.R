# Reference numbers for differences from a competitor: R's package survey on the made-up visits of mystery.R.
#
# Usage, from this folder, after mystery.R:   Rscript benchmark.R
# Writes benchmark.toml beside itself. Own stores: those with an odd number; the competitor's: the others.

suppressMessages(library(survey))
frame <- read.csv("mystery_visits.csv", stringsAsFactors = FALSE)
lines <- readLines("mystery.toml")
frame$total <- as.numeric(strsplit(gsub("final = \\[|\\]", "", grep("^final", lines, value = TRUE)), ",")[[1]])
own <- as.integer(substr(frame$store, 2, 3)) %% 2 == 1

side <- function(data, share) {
  design <- svydesign(ids = ~store, strata = ~tier, weights = ~1, data = data)
  by <- svyby(~total, ~tier, design, svymean, covmat = TRUE)
  w <- share[as.character(by$tier)]
  c(sum(w * coef(by)), as.numeric(t(w) %*% vcov(by) %*% w), degf(design))
}
difference <- function(share) {
  a <- side(frame[own, ], share); b <- side(frame[!own, ], share)
  se <- sqrt(a[2] + b[2]); df <- (a[2] + b[2])^2 / (a[2]^2 / a[3] + b[2]^2 / b[3])
  d <- a[1] - b[1]; half <- qt(.975, df) * se
  c(a[1], b[1], d, se, d - half, d + half, df, 2 * pt(-abs(d / se), df))
}
show <- function(x) paste0("[", paste(format(x, digits = 15, trim = TRUE), collapse = ", "), "]")
share <- table(frame$tier[own]) / sum(own)
equal <- c(core = .5, other = .5)
writeLines(c(
  "# Written by benchmark.R with R's survey; own, competitor, difference, SE, bounds of the 95% interval, df, p.",
  paste("own_mix =", show(difference(setNames(as.numeric(share), names(share))))),
  paste("equal_mix =", show(difference(equal)))
), "benchmark.toml")
