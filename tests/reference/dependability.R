# Reference numbers for dependability(): variance components, fixed effects and predictions by R's lme4 (REML).
#
# Usage, from this folder:   Rscript dependability.R
# Writes dependability.csv (made-up scores: balanced, and unbalanced) and dependability.toml beside itself.

suppressMessages(library(lme4))
set.seed(11)
balanced <- expand.grid(store = 1:12, inspector = 1:8)
unbalanced <- do.call(rbind, lapply(1:30, function(s) data.frame(store = s, inspector = sample(8, sample(2:9, 1), TRUE))))
made <- function(d, study) {
  s <- rnorm(max(d$store), 0, 8); i <- rnorm(8, 0, 5)
  cbind(study = study, d, agency = ifelse(d$inspector <= 4, "a", "b"),
        score = round(70 + s[d$store] + i[d$inspector] + rnorm(nrow(d), 0, 7), 1))
}
d <- rbind(made(balanced, "balanced"), made(unbalanced, "unbalanced"))
write.csv(d, "dependability.csv", row.names = FALSE, quote = FALSE)
tight <- lmerControl(optCtrl = list(ftol_abs = 1e-14, xtol_abs = 1e-12, maxeval = 1e5))
out <- sprintf('source = "R %s, lme4 %s"', getRversion(), packageVersion("lme4"))
numbers <- function(name, x) sprintf("%s = [%s]", name, paste(sprintf("%.10g", x), collapse = ", "))
for (study in c("balanced", "unbalanced")) {
  own <- d[d$study == study, ]
  m <- lmer(score ~ agency + (1 | store) + (1 | inspector), own, control = tight)
  plain <- lmer(score ~ 1 + (1 | store) + (1 | inspector), own, control = tight)
  out <- c(out, sprintf("[%s]", study), numbers("effect", fixef(m)), numbers("effect_se", sqrt(diag(as.matrix(vcov(m))))),
           numbers("variance_beside_agency", as.data.frame(VarCorr(m))$vcov), numbers("variance", as.data.frame(VarCorr(plain))$vcov),
           numbers("mean", fixef(plain)), numbers("store", ranef(plain)$store[, 1]), numbers("inspector", ranef(plain)$inspector[, 1]))
}
writeLines(out, "dependability.toml")
