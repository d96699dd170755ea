# Managers against customers, and staff against customers of the same stores, from R's survey package. Writes diagnosis.toml.
# Run in this folder: Rscript diagnosis.R > diagnosis.toml
suppressMessages(library(survey))
options(digits = 15)

data <- read.csv("diagnosis.csv")
items <- c("a0", "a1", "b0", "b1")
for (form in c("E", "P")) {
  own <- data[paste0(form, "_", items)]
  data[[paste0(form, "_a")]] <- rowMeans(own[, 1:2])
  data[[paste0(form, "_b")]] <- rowMeans(own[, 3:4])
  data[[paste0(form, "_mean")]] <- (data[[paste0(form, "_a")]] + data[[paste0(form, "_b")]]) / 2
}

# One mean less another, of rows told apart by `who`: coefficient and standard error of svyttest's regression.
block <- function(name, rows, strata, form) {
  rows$stratum <- strata(rows)
  design <- svydesign(ids = ~store, strata = ~stratum, weights = ~weight, data = rows, nest = TRUE)
  cat(sprintf("[%s]\n", name))
  for (what in c(items, "a", "b", "mean")) {
    test <- svyttest(as.formula(sprintf("%s_%s ~ other", form, what)), design)
    value <- unname(test$estimate)
    cat(sprintf("%s = [%.15g, %.15g]\n", what, value, value / unname(test$statistic)))
  }
  cat("\n")
}

cat(sprintf("# Written by diagnosis.R: R %s, survey %s. Difference and standard error.\n\n", getRversion(), packageVersion("survey")))
managers <- subset(data, who %in% c("customer", "manager"))
managers$other <- as.numeric(managers$who == "manager")
block("knowledge", managers, function(rows) rows$tier, "E")  # managers: a stratum of their own, each a unit
staff <- subset(data, who %in% c("customer", "staff"))
staff$other <- as.numeric(staff$who == "staff")
block("staff_expectation", staff, function(rows) rows$tier, "E")  # the same stores hold both
block("staff_perception", staff, function(rows) rows$tier, "P")
