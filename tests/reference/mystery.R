# Reference numbers for scores of mystery visits: visit scores by loops, their means by R's package survey.
#
# Usage, from this folder:   Rscript mystery.R
# Writes mystery_visits.csv (made-up visits) and mystery.toml beside itself.
#
# Two indicators, weights .6 and .4: "first" has items a (3 points, veto), b (2), c (1); "second" has d (1), e (1).
# A visit's score is 100 * sum(W * indicator) / sum(W) over indicators with an applicable item.

suppressMessages(library(survey))
set.seed(20261122)
stores <- 12
frame <- do.call(rbind, lapply(1:stores, function(s) {
  n <- sample(2:6, 1)
  q <- plogis(1 + 0.7 * rnorm(1))
  answer <- function(p, na) ifelse(runif(n) < na, NA, as.integer(runif(n) < p))
  data.frame(store = sprintf("S%02d", s), tier = ifelse(s <= 7, "core", "other"),
             mode = sample(c("covert", "overt"), n, TRUE, c(.6, .4)),
             a = answer(max(q, .85), .05), b = answer(q, .1), c = answer(q, .1), d = answer(q, .3), e = answer(q, .3))
}))
frame <- cbind(visit = sprintf("V%03d", seq_len(nrow(frame))), frame)
frame$mode[1:2] <- c("covert", "overt")
write.csv(frame, "mystery_visits.csv", row.names = FALSE, na = "NA", quote = FALSE)

score <- function(row, veto) {
  points <- list(first = c(a = 3, b = 2, c = 1), second = c(d = 1, e = 1))
  weight <- c(first = .6, second = .4)
  top <- 0; base <- 0; out <- c(first = NA, second = NA, total = NA)
  for (k in names(points)) {
    earned <- 0; possible <- 0
    for (i in names(points[[k]])) if (!is.na(row[[i]])) {
      earned <- earned + points[[k]][[i]] * row[[i]]; possible <- possible + points[[k]][[i]]
    }
    if (possible > 0) {
      value <- 100 * earned / possible
      if (veto && k == "first" && !is.na(row[["a"]]) && row[["a"]] == 0) value <- 0
      out[[k]] <- value; top <- top + weight[[k]] * value; base <- base + weight[[k]]
    }
  }
  if (base > 0) out[["total"]] <- top / base
  out
}
rows <- split(frame, seq_len(nrow(frame)))
final <- t(sapply(rows, score, veto = TRUE)); raw <- t(sapply(rows, score, veto = FALSE))
frame <- cbind(frame, final = final[, "total"], raw = raw[, "total"], first = final[, "first"])

number <- function(x) paste0("[", paste(sprintf("%.15g", x), collapse = ", "), "]")
out <- c(paste("final =", gsub("NA", "nan", number(frame$final))), paste("raw =", gsub("NA", "nan", number(frame$raw))))

clustered <- svydesign(ids = ~store, weights = ~1, data = frame)
stratified <- svydesign(ids = ~store, strata = ~tier, weights = ~1, data = frame)
add <- function(name, m, df) {
  value <- coef(m)[[1]]; se <- as.numeric(SE(m))[[1]]; t <- qt(.975, df)
  out <<- c(out, sprintf("%s = %s", name, number(c(value, se, value - t * se, value + t * se, df))))
}
add("clustered", svymean(~final, clustered, na.rm = TRUE), degf(clustered))
add("stratified", svymean(~final, stratified, na.rm = TRUE), degf(stratified))
first <- subset(clustered, !is.na(first))
add("first", svymean(~first, first), degf(first))
core <- subset(clustered, tier == "core")
add("core", svymean(~final, core, na.rm = TRUE), degf(core))
fit <- svyglm(final ~ I(mode == "covert"), clustered)
out <- c(out, sprintf("covert_less_overt = %s", number(c(coef(fit)[[2]], SE(fit)[[2]]))))
welch <- with(frame, t.test(final[mode == "covert"], final[mode == "overt"]))
out <- c(out, sprintf("welch = %s", number(c(welch$estimate[[1]] - welch$estimate[[2]], welch$conf.int, welch$parameter, welch$p.value))))
writeLines(c("# Written by mystery.R with R's survey; estimate, SE, bounds of the 95% interval, df.", out), "mystery.toml")
