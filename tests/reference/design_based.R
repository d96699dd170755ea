# Reference numbers for design-based inference, made with R and the survey package.
#
# Usage, from this folder:   Rscript design_based.R
# Writes design_small.csv, design_expectation.csv and design_based.toml beside itself.
#
# The two data sets are synthetic and stand below as literal rows, so the numbers need no outside file.
# Every block that has a second route to the same number takes it and stops when the two disagree.

suppressMessages(library(survey))
options(survey.lonely.psu = "fail", survey.adjust.domain.lonely = FALSE, survey.ultimate.cluster = FALSE, warn = 1)

# ---------- data --------------------------------------------------------------------------------
# Perception file: 3 strata, 4 + 4 + 1 sampled clusters, so stratum C has a lonely cluster. No man was met in C1
# and no woman in A3. Visit "first" occurs in A1, A2 and B2 only, so B has one cluster in that domain.
small_rows <- "id,stratum,cluster,clusters_in_stratum,units_in_cluster,weight,sex,visit,y,x,yes,gap1,gap2,gap3
1,A,A1,20,60,62.50,f,repeat,7,7,1,0,-1,1
2,A,A1,20,60,40.00,f,repeat,7,7,1,-1,1,2
3,A,A1,20,60,62.50,m,first,5,5,1,2,1,1
4,A,A1,20,60,40.00,f,first,6,7,1,-1,-1,1
5,A,A1,20,60,62.50,m,first,7,7,1,-1,1,1
6,A,A1,20,60,62.50,m,first,6,7,0,1,2,1
7,A,A2,20,45,45.00,f,first,4,5,0,-1,-2,-2
8,A,A2,20,45,36.00,f,repeat,5,5,1,-2,-1,-2
9,A,A2,20,45,56.25,m,repeat,6,4,1,0,0,2
10,A,A2,20,45,45.00,m,first,4,5,0,-1,-1,0
11,A,A2,20,45,56.25,f,first,6,5,1,-1,-1,-2
12,A,A3,20,80,53.33,m,repeat,6,5,0,0,-1,0
13,A,A3,20,80,53.33,m,repeat,6,6,0,0,0,0
14,A,A3,20,80,83.33,m,repeat,3,7,0,-1,-2,1
15,A,A3,20,80,53.33,m,repeat,6,5,0,0,1,2
16,A,A3,20,80,83.33,m,repeat,7,5,1,1,0,1
17,A,A3,20,80,83.33,m,repeat,5,5,1,0,-2,1
18,A,A4,20,50,40.00,f,repeat,4,6,0,-1,-1,-1
19,A,A4,20,50,62.50,m,repeat,4,6,0,-1,0,1
20,A,A4,20,50,40.00,m,repeat,1,5,0,-3,-1,-1
21,A,A4,20,50,62.50,m,repeat,2,7,0,0,-1,-1
22,A,A4,20,50,62.50,f,repeat,3,7,0,0,0,-2
23,B,B1,12,40,19.20,f,repeat,6,4,1,-1,-1,0
24,B,B1,12,40,24.00,f,repeat,6,5,0,1,1,-1
25,B,B1,12,40,24.00,m,repeat,5,5,1,0,1,2
26,B,B1,12,40,24.00,f,repeat,5,7,1,-1,0,-1
27,B,B1,12,40,19.20,f,repeat,4,5,0,0,-1,-1
28,B,B2,12,90,45.00,f,repeat,5,6,0,-1,0,-1
29,B,B2,12,90,45.00,m,first,3,5,1,-1,-2,1
30,B,B2,12,90,56.25,f,repeat,3,5,0,-1,-2,0
31,B,B2,12,90,36.00,m,first,3,6,0,-1,-1,-2
32,B,B2,12,90,45.00,m,first,5,5,1,0,0,0
33,B,B2,12,90,36.00,m,repeat,2,5,0,-3,-1,-1
34,B,B3,12,55,33.00,m,repeat,6,6,1,2,0,1
35,B,B3,12,55,41.25,f,repeat,5,7,0,0,-2,0
36,B,B3,12,55,33.00,f,repeat,6,5,1,1,0,-1
37,B,B3,12,55,26.40,f,repeat,7,6,1,1,0,3
38,B,B3,12,55,41.25,m,repeat,7,6,1,1,1,1
39,B,B4,12,30,28.12,m,repeat,4,6,1,-1,-1,0
40,B,B4,12,30,22.50,f,repeat,3,7,1,0,-2,-1
41,B,B4,12,30,22.50,f,repeat,5,7,0,-2,-1,-1
42,B,B4,12,30,18.00,m,repeat,3,5,0,-2,1,-1
43,C,C1,9,70,105.00,f,repeat,6,5,1,-2,1,-1
44,C,C1,9,70,131.25,f,repeat,6,5,0,-1,-3,-1
45,C,C1,9,70,131.25,f,repeat,5,4,1,-1,0,1
46,C,C1,9,70,84.00,f,repeat,7,5,1,1,0,3
47,C,C1,9,70,131.25,f,repeat,5,5,1,0,-1,1
48,C,C1,9,70,105.00,f,repeat,7,6,1,-1,-1,0"
# Expectation file: an independent sample, stratified by region, one respondent per draw.
expectation_rows <- "id,region,weight,score
1,north,30.00,5
2,north,36.00,5
3,north,36.00,6
4,north,30.00,7
5,north,30.00,5
6,north,30.00,7
7,north,36.00,5
8,centre,26.40,5
9,centre,26.40,5
10,centre,19.80,5
11,centre,22.00,6
12,centre,22.00,6
13,centre,26.40,6
14,south,21.60,5
15,south,21.60,6
16,south,16.20,5
17,south,16.20,5
18,south,16.20,5"
writeLines(small_rows, "design_small.csv")
writeLines(expectation_rows, "design_expectation.csv")
small <- read.csv(text = small_rows)
expectation <- read.csv(text = expectation_rows)
no_lonely <- small[small$stratum != "C", ]

# ---------- writing TOML --------------------------------------------------------------------------
lines <- character()
emit <- function(...) lines <<- c(lines, paste0(...))
scalar <- function(v) {
  if (is.character(v)) return(paste0("\"", gsub("\"", "\\\\\"", v), "\""))
  if (is.logical(v)) return(tolower(as.character(v)))
  if (is.integer(v)) return(as.character(v))
  if (is.nan(v) || is.na(v)) return("nan")
  if (is.infinite(v)) return(if (v > 0) "inf" else "-inf")
  s <- sprintf("%.14g", v)
  if (grepl("[.e]", s)) s else paste0(s, ".0")
}
value <- function(v) {
  v <- if (is.matrix(v)) unname(v) else unname(unclass(v))
  if (is.matrix(v)) paste0("[", paste(apply(v, 1, value_row), collapse = ", "), "]")
  else if (length(v) == 1) scalar(v)
  else value_row(v)
}
value_row <- function(v) paste0("[", paste(vapply(v, scalar, ""), collapse = ", "), "]")
table_out <- function(name, content) {
  emit(""); emit("[", name, "]")
  for (k in names(content)) {
    v <- content[[k]]
    attributes(v) <- attributes(v)[intersect(names(attributes(v)), "dim")]
    emit(k, " = ", value(v))
  }
}
same <- function(a, b, tol = 1e-10) stopifnot(isTRUE(all.equal(as.numeric(a), as.numeric(b), tolerance = tol)))

# ---------- small functions -------------------------------------------------------------------------------
clusters <- function(data) svydesign(id = ~cluster, strata = ~stratum, weights = ~weight, data = data)
estimate <- function(stat, df) {
  est <- as.numeric(coef(stat)); se <- as.numeric(SE(stat))
  list(estimate = est, se = se, df = as.integer(df), ci95_low = est - qt(.975, df) * se, ci95_high = est + qt(.975, df) * se)
}
lonely <- function(rule, code, domain = FALSE) {
  old <- options(survey.lonely.psu = rule, survey.adjust.domain.lonely = domain); on.exit(options(old)); force(code)
}
rules <- c("adjust", "average", "certainty", "remove")
full <- clusters(small)
two_strata <- clusters(no_lonely)

emit("# Written by design_based.R in this folder; change the script, not this file.")
emit("# Data: design_small.csv (perception file) and design_expectation.csv (expectation file), both synthetic.")
emit("# Floats carry 14 significant digits. A field named df is the number of degrees of freedom used for its interval.")
table_out("meta", list(r = paste(R.version$major, R.version$minor, sep = "."), survey = as.character(packageVersion("survey")),
  design = "svydesign(id = ~cluster, strata = ~stratum, weights = ~weight)",
  degrees_of_freedom = "degf(): sampled clusters minus strata, both counted among the rows in use",
  tolerance_relative = 1e-10, tolerance_relative_logit = 1e-7))

# ---------- (a) four rules for a stratum with one cluster -----------------------------------------
for (rule in rules) lonely(rule, {
  df <- degf(full)
  table_out(paste0("lonely.", rule, ".mean_y"), estimate(svymean(~y, full), df))
  table_out(paste0("lonely.", rule, ".mean_yes"), estimate(svymean(~yes, full), df))
  table_out(paste0("lonely.", rule, ".total_y"), estimate(svytotal(~y, full), df))
  table_out(paste0("lonely.", rule, ".total_weight"), estimate(svytotal(~rep(1, nrow(small)), full), df))
  table_out(paste0("lonely.", rule, ".ratio_y_x"), estimate(svyratio(~y, ~x, full), df))
})
same_rule <- function(rule, stat) lonely(rule, as.numeric(SE(stat())))
same(same_rule("certainty", function() svymean(~y, full)), same_rule("remove", function() svymean(~y, full)))
# the two closed forms, written out
u <- small$weight * (small$y - weighted.mean(small$y, small$weight)) / sum(small$weight)
per_stratum <- sapply(split(seq_len(nrow(small)), small$stratum), function(i) {
  z <- tapply(u[i], small$cluster[i], sum); n <- length(z)
  if (n > 1) n / (n - 1) * sum((z - mean(z))^2) else NA })
lone_total <- sum(u[small$stratum == "C"])
same(same_rule("remove", function() svymean(~y, full))^2, sum(per_stratum, na.rm = TRUE))
same(same_rule("adjust", function() svymean(~y, full))^2, sum(per_stratum, na.rm = TRUE) + lone_total^2)
same(same_rule("average", function() svymean(~y, full))^2, sum(per_stratum, na.rm = TRUE) * 3 / 2)
t_c <- sum((small$weight * small$y)[small$stratum == "C"])
same(same_rule("adjust", function() svytotal(~y, full))^2 - same_rule("remove", function() svytotal(~y, full))^2, t_c^2, 1e-9)
table_out("lonely.pieces_mean_y", list(
  note = "variance of the mean by stratum A, B and the squared total of the linearised variable of C; remove = A + B, adjust = A + B + C, average = (A + B) * 3 / 2",
  variance_a = per_stratum[["A"]], variance_b = per_stratum[["B"]], squared_total_c = lone_total^2))

# ---------- (b) domains ---------------------------------------------------------------------------
domain <- function(design, keep, rule, adjust = FALSE) lonely(rule, {
  sub <- suppressWarnings(subset(design, keep)); suppressWarnings(estimate(svymean(~y, sub), degf(sub))) }, adjust)
covariance_of_domains <- function(design, data, rule) lonely(rule, {
  f <- data$sex == "f"; w <- data$weight
  uf <- f * (data$y - weighted.mean(data$y[f], w[f])) / sum(w[f])
  um <- (!f) * (data$y - weighted.mean(data$y[!f], w[!f])) / sum(w[!f])
  v <- vcov(svytotal(~uf + um, update(design, uf = uf, um = um)))
  by <- svyby(~y, ~sex, design, svymean, covmat = TRUE); same(vcov(by), v)
  same(sqrt(diag(v)), by$se)
  fit <- svyglm(y ~ 0 + sex, design); same(vcov(fit), v); same(coef(fit), by$y)
  d <- svycontrast(fit, c(sexf = 1, sexm = -1))
  slope <- svyglm(y ~ sex, design); same(SE(slope)[2], SE(d))
  df <- degf(design)
  list(mean_f = by$y[1], mean_m = by$y[2], se_f = by$se[1], se_m = by$se[2], covariance = v[1, 2],
       difference = as.numeric(coef(d)), se_difference = as.numeric(SE(d)),
       se_if_independent = sqrt(sum(by$se^2)), df_whole_design = as.integer(df), df_residual_svyglm = as.integer(slope$df.residual)) })
for (rule in rules) for (s in c("f", "m"))
  table_out(paste0("domain.", rule, ".sex_", s), domain(full, small$sex == s, rule))
for (rule in c("adjust", "average")) for (flag in c(FALSE, TRUE))
  table_out(paste0("domain.", rule, ".visit_first", if (flag) "_adjust_domain" else ""),
            domain(full, small$visit == "first", rule, flag))
emit(""); emit("# The covariance of two domain means is not zero: both live in the same clusters.")
emit("# Three routes agree: linearised columns of both domains, svyby(..., covmat = TRUE) and svyglm(y ~ 0 + sex).")
table_out("domain_difference.strata_a_b", covariance_of_domains(two_strata, no_lonely, "fail"))
table_out("domain_difference.all_adjust", covariance_of_domains(full, small, "adjust"))
table_out("domain_difference.all_remove", covariance_of_domains(full, small, "remove"))

# ---------- (c) two stages with finite populations, strata A and B --------------------------------
design_two <- function(data, w = TRUE) if (w)
  svydesign(id = ~cluster + id, strata = ~stratum, weights = ~weight, fpc = ~clusters_in_stratum + units_in_cluster, data = data) else
  svydesign(id = ~cluster + id, strata = ~stratum, fpc = ~clusters_in_stratum + units_in_cluster, data = data)
stages <- list(
  no_correction = two_strata,
  clusters_only = svydesign(id = ~cluster, strata = ~stratum, weights = ~weight, fpc = ~clusters_in_stratum, data = no_lonely),
  two_stage = design_two(no_lonely),
  two_stage_own_weights = design_two(no_lonely, FALSE))
for (k in names(stages)) {
  d <- stages[[k]]; df <- degf(d)
  table_out(paste0("two_stage.", k, ".mean_y"), estimate(svymean(~y, d), df))
  table_out(paste0("two_stage.", k, ".total_y"), estimate(svytotal(~y, d), df))
  table_out(paste0("two_stage.", k, ".ratio_y_x"), estimate(svyratio(~y, ~x, d), df))
}
# written out: first stage (1 - n/N) n/(n-1) SS(cluster totals) + second stage n/N * (1 - m/M) m/(m-1) SS(unit values)
by_hand <- function(data, z) {
  sum(sapply(split(seq_len(nrow(data)), data$stratum), function(i) {
    n <- length(unique(data$cluster[i])); cap <- data$clusters_in_stratum[i][1]
    first <- tapply(z[i], data$cluster[i], sum)
    second <- sapply(split(i, data$cluster[i]), function(j) { m <- length(j); M <- data$units_in_cluster[j][1]
      (1 - m / M) * m / (m - 1) * sum((z[j] - mean(z[j]))^2) })
    (1 - n / cap) * n / (n - 1) * sum((first - mean(first))^2) + n / cap * sum(second) })) }
same(by_hand(no_lonely, no_lonely$weight * no_lonely$y), vcov(svytotal(~y, stages$two_stage)))
zm <- with(no_lonely, weight * (y - weighted.mean(y, weight)) / sum(weight))
same(by_hand(no_lonely, zm), vcov(svymean(~y, stages$two_stage)))

# ---------- (d) a census of clusters --------------------------------------------------------------
# Stratum A alone, all of its 4 clusters taken (4 of 4), interviews as the second stage.
a <- small[small$stratum == "A", ]; a$four <- 4
census <- svydesign(id = ~cluster + id, strata = ~stratum, weights = ~weight, fpc = ~four + units_in_cluster, data = a)
by_cluster <- svydesign(id = ~id, strata = ~cluster, weights = ~weight, fpc = ~units_in_cluster, data = a)
a$unlimited <- Inf
census_inf <- svydesign(id = ~cluster + id, strata = ~stratum, weights = ~weight, fpc = ~four + unlimited, data = a)
by_cluster_inf <- svydesign(id = ~id, strata = ~cluster, weights = ~weight, data = a)
for (f in list(function(d) svymean(~y, d), function(d) svytotal(~y, d), function(d) svyratio(~y, ~x, d))) {
  same(SE(f(census)), SE(f(by_cluster))); same(SE(f(census_inf)), SE(f(by_cluster_inf))) }
wrong <- svydesign(id = ~cluster, strata = ~stratum, weights = ~weight, fpc = ~four, data = a)
emit(""); emit("# census_two_stage: first stage 4 of 4 clusters, second stage units with their finite population.")
emit("# units_by_cluster: clusters as strata, respondents as sampling units; the same standard error, more degrees of freedom.")
emit("# ..._unlimited: the same pair without a finite population of units. clusters_only: f = 1 and no second stage gives zero.")
pairs <- list(census_two_stage = census, units_by_cluster = by_cluster, census_two_stage_unlimited = census_inf,
              units_by_cluster_unlimited = by_cluster_inf, clusters_only = wrong)
for (k in names(pairs)) {
  d <- pairs[[k]]; df <- degf(d)
  table_out(paste0("census.", k, ".mean_y"), estimate(svymean(~y, d), df))
  table_out(paste0("census.", k, ".total_y"), estimate(svytotal(~y, d), df))
}
# Strata A (census) and B (12 clusters in the population) together.
ab <- no_lonely; ab$taken <- ifelse(ab$stratum == "A", 4, ab$clusters_in_stratum)
mixed <- svydesign(id = ~cluster + id, strata = ~stratum, weights = ~weight, fpc = ~taken + units_in_cluster, data = ab)
ab$psu <- ifelse(ab$stratum == "A", paste0("unit", ab$id), ab$cluster)
ab$layer <- ifelse(ab$stratum == "A", ab$cluster, ab$stratum)
ab$fpc1 <- ifelse(ab$stratum == "A", ab$units_in_cluster, ab$clusters_in_stratum)
ab$fpc2 <- ifelse(ab$stratum == "A", 1, ab$units_in_cluster)
mixed_equal <- svydesign(id = ~psu + id, strata = ~layer, weights = ~weight, fpc = ~fpc1 + fpc2, data = ab)
same(SE(svymean(~y, mixed)), SE(svymean(~y, mixed_equal)))
table_out("census.mixed_two_stage.mean_y", estimate(svymean(~y, mixed), degf(mixed)))
table_out("census.mixed_as_units.mean_y", estimate(svymean(~y, mixed_equal), degf(mixed_equal)))

# ---------- (e) two independent files -------------------------------------------------------------
stack <- function(perception) rbind(
  with(perception, data.frame(source = "perception", layer = paste0("P", stratum), psu = paste0("P", cluster), weight, score = y)),
  with(expectation, data.frame(source = "expectation", layer = paste0("E", region), psu = paste0("E", id), weight, score)))
de <- svydesign(id = ~id, strata = ~region, weights = ~weight, data = expectation)
two_files <- function(perception, rule) lonely(rule, {
  both <- svydesign(id = ~psu, strata = ~layer, weights = ~weight, data = stack(perception))
  by <- svyby(~score, ~source, both, svymean, covmat = TRUE)
  d <- svycontrast(by, c(perception = 1, expectation = -1))
  p <- svymean(~y, clusters(perception)); e <- svymean(~score, de)
  same(coef(d), coef(p) - coef(e)); same(SE(d), sqrt(SE(p)^2 + SE(e)^2))
  fit <- svyglm(score ~ source, both); same(coef(fit)[2], coef(d)); same(SE(fit)[2], SE(d))
  dfp <- degf(clusters(perception)); dfe <- degf(de); vp <- as.numeric(SE(p))^2; ve <- as.numeric(SE(e))^2
  df <- (vp + ve)^2 / (vp^2 / dfp + ve^2 / dfe); g <- as.numeric(coef(d)); s <- as.numeric(SE(d))
  list(mean_perception = as.numeric(coef(p)), se_perception = sqrt(vp), df_perception = as.integer(dfp),
       mean_expectation = as.numeric(coef(e)), se_expectation = sqrt(ve), df_expectation = as.integer(dfe),
       gap = g, se_gap = s, df_stacked = as.integer(degf(both)), df_satterthwaite = df,
       ci95_low_satterthwaite = g - qt(.975, df) * s, ci95_high_satterthwaite = g + qt(.975, df) * s,
       p_satterthwaite = 2 * pt(-abs(g / s), df)) })
emit(""); emit("# gap = perception - expectation; the files share no respondent, so the squared standard errors add.")
emit("# df_satterthwaite = (v1 + v2)^2 / (v1^2 / df1 + v2^2 / df2), by formula.")
table_out("two_files.strata_a_b", two_files(no_lonely, "fail"))
table_out("two_files.all_adjust", two_files(small, "adjust"))

# ---------- (f) three means at once ---------------------------------------------------------------
wald <- function(design, rule) lonely(rule, {
  m <- svymean(~gap1 + gap2 + gap3, design); b <- as.numeric(coef(m)); v <- unname(vcov(m)); q <- 3L; df <- degf(design)
  w <- as.numeric(b %*% solve(v) %*% b); f <- w / q * (df - q + 1) / df
  list(means = b, covariance = v, q = q, df = as.integer(df), wald = w,
       p_chisq = pchisq(w, q, lower.tail = FALSE),
       f_unadjusted = w / q, p_f_unadjusted = pf(w / q, q, df, lower.tail = FALSE),
       f = f, df1 = q, df2 = as.integer(df - q + 1), p_f = pf(f, q, df - q + 1, lower.tail = FALSE)) })
emit(""); emit("# W = b' V^-1 b; F = W / q * (df - q + 1) / df on (q, df - q + 1), df = clusters - strata. f_unadjusted = W / q on (q, df).")
table_out("wald.strata_a_b", wald(two_strata, "fail"))
table_out("wald.all_adjust", wald(full, "adjust"))
table_out("wald.all_remove", wald(full, "remove"))

# ---------- (g) variances and covariances ---------------------------------------------------------
spread <- function(design, data, rule) lonely(rule, {
  vy <- svyvar(~y, design); m <- svyvar(~y + x, design); v <- unclass(m); n <- nrow(data); w <- data$weight
  cw <- function(a, b) n / (n - 1) * sum(w * (a - weighted.mean(a, w)) * (b - weighted.mean(b, w))) / sum(w)
  same(coef(vy), cw(data$y, data$y)); same(v[1, 2], cw(data$y, data$x)); same(v[2, 2], cw(data$x, data$x))
  se <- matrix(sqrt(diag(attr(m, "var"))), 2)
  list(n = as.integer(n), variance_y = as.numeric(coef(vy)), se_variance_y = as.numeric(SE(vy)), sd_y = sqrt(as.numeric(coef(vy))),
       covariance_matrix_y_x = matrix(as.numeric(v), 2), se_of_matrix = se,
       correlation_y_x = v[1, 2] / sqrt(v[1, 1] * v[2, 2])) })
emit(""); emit("# svyvar: n / (n - 1) * weighted mean of squares about the weighted mean, n = number of respondents.")
table_out("variance.strata_a_b", spread(two_strata, no_lonely, "fail"))
table_out("variance.all_adjust", spread(full, small, "adjust"))

# ---------- (h) design effects --------------------------------------------------------------------
effects <- function(design, data, rule) lonely(rule, {
  n <- nrow(data); w <- data$weight; N <- sum(w); v <- as.numeric(coef(svyvar(~y, design)))
  a <- svymean(~y, design, deff = TRUE); b <- svymean(~y, design, deff = "replace")
  same(deff(a), SE(a)^2 / (v / n * (1 - n / N))); same(deff(b), SE(b)^2 / (v / n))
  list(n = as.integer(n), sum_weights = N,
    mean_y = as.numeric(deff(a)), mean_y_replace = as.numeric(deff(b)),
    total_y = as.numeric(deff(svytotal(~y, design, deff = TRUE))), total_y_replace = as.numeric(deff(svytotal(~y, design, deff = "replace"))),
    mean_yes = as.numeric(deff(svymean(~yes, design, deff = TRUE))), mean_yes_replace = as.numeric(deff(svymean(~yes, design, deff = "replace"))),
    kish_weights = n * sum(w^2) / N^2, kish_n_effective = N^2 / sum(w^2)) })
emit(""); emit("# deff = TRUE divides by simple random sampling without replacement, v/n (1 - n/N), N = sum of weights;")
emit("# deff = \"replace\" divides by v/n. v is svyvar. kish_weights = n sum(w^2) / sum(w)^2.")
table_out("deff.strata_a_b", effects(two_strata, no_lonely, "fail"))
table_out("deff.all_adjust", effects(full, small, "adjust"))
emit(""); emit("# The same with the two-stage design of block two_stage.two_stage.")
table_out("deff.strata_a_b_two_stage", effects(stages$two_stage, no_lonely, "fail"))

# ---------- (i) proportions -----------------------------------------------------------------------
proportion <- function(design, rule) lonely(rule, {
  df <- degf(design); ci <- function(m) as.numeric(confint(svyciprop(~yes, design, method = m)))
  p <- svymean(~yes, design); est <- as.numeric(coef(p)); se <- as.numeric(SE(p))
  by_hand <- plogis(qlogis(est) + c(-1, 1) * qt(.975, df) * se / (est * (1 - est)))
  same(ci("xlogit"), by_hand); same(ci("logit"), by_hand, 1e-6)
  list(estimate = est, se = se, df = as.integer(df), logit = ci("logit"), xlogit = ci("xlogit"), beta = ci("beta"), mean = ci("mean")) })
emit(""); emit("# 95 % intervals by svyciprop; xlogit is logit(p) -+ t(.975, df) * se / (p (1 - p)), back-transformed.")
emit("# logit is the same by an iterative fit, so compare it with tolerance_relative_logit.")
emit("# mean is the t interval; beta is Clopper-Pearson on n_eff = p (1 - p) / se^2 * (t(.975, n - 1) / t(.975, df))^2.")
table_out("proportion.strata_a_b", proportion(two_strata, "fail"))
table_out("proportion.all_adjust", proportion(full, "adjust"))
table_out("proportion.women_adjust", proportion(subset(full, sex == "f"), "adjust"))

# ---------- (j) unweighted tests ------------------------------------------------------------------
d <- small$y - small$x; n <- length(d)
t1 <- t.test(small$y, small$x, paired = TRUE)
wil <- function(d, correct, side = "two.sided") { w <- suppressWarnings(wilcox.test(d, exact = FALSE, correct = correct, alternative = side)); list(w$statistic[[1]], w$p.value) }
nz <- d[d != 0]; r <- rank(abs(nz)); ties <- table(r); k <- length(nz)
sigma2 <- k * (k + 1) * (2 * k + 1) / 24 - sum(ties^3 - ties) / 48; v <- sum(r[nz > 0]); mu <- k * (k + 1) / 4
same(wil(d, FALSE)[[2]], 2 * pnorm(-abs(v - mu) / sqrt(sigma2))); same(wil(d, TRUE)[[2]], 2 * pnorm(-(abs(v - mu) - .5) / sqrt(sigma2)))
emit(""); emit("# Unweighted tests on design_small.csv; paired differences d = y - x are integers with zeros and ties.")
table_out("unweighted.paired_t", list(n = as.integer(n), mean_difference = mean(d), sd_difference = sd(d), se = sd(d) / sqrt(n), t = t1$statistic[[1]],
  df = as.integer(t1$parameter[[1]]), p = t1$p.value, ci95_low = t1$conf.int[1], ci95_high = t1$conf.int[2],
  dz = mean(d) / sd(d), dav = mean(d) / ((sd(small$y) + sd(small$x)) / 2), sd_y = sd(small$y), sd_x = sd(small$x), correlation = cor(small$y, small$x)))
table_out("unweighted.signed_rank", list(
  note = "zeros are dropped before ranking; sigma^2 = k(k+1)(2k+1)/24 - sum(t^3 - t)/48; z has no continuity correction",
  n_nonzero = as.integer(k), n_zero = as.integer(n - k), v_positive = v, v_negative = sum(r[nz < 0]), mean_v = mu, sd_v = sqrt(sigma2),
  z = (v - mu) / sqrt(sigma2), p_corrected = wil(d, TRUE)[[2]], p_uncorrected = wil(d, FALSE)[[2]],
  p_less_corrected = wil(d, TRUE, "less")[[2]], p_greater_corrected = wil(d, TRUE, "greater")[[2]]))
sub <- small$stratum == "A"; da <- d[sub]
table_out("unweighted.signed_rank_stratum_a", list(n_nonzero = sum(da != 0), n_zero = sum(da == 0), v_positive = wil(da, TRUE)[[1]],
  p_corrected = wil(da, TRUE)[[2]], p_uncorrected = wil(da, FALSE)[[2]]))
w <- t.test(y ~ sex, data = small); f <- small$y[small$sex == "f"]; m <- small$y[small$sex == "m"]
table_out("unweighted.welch", list(n_f = length(f), n_m = length(m), mean_f = mean(f), mean_m = mean(m), sd_f = sd(f), sd_m = sd(m),
  difference = mean(f) - mean(m), se = w$stderr, t = w$statistic[[1]], df = w$parameter[[1]], p = w$p.value, ci95_low = w$conf.int[1], ci95_high = w$conf.int[2]))
G <- as.matrix(small[, c("gap1", "gap2", "gap3")]); mu3 <- colMeans(G); S <- cov(G); t2 <- as.numeric(n * mu3 %*% solve(S) %*% mu3); F <- t2 * (n - 3) / (3 * (n - 1))
table_out("unweighted.hotelling", list(means = mu3, covariance = unname(S), t2 = t2, f = F, df1 = 3L, df2 = as.integer(n - 3), p = pf(F, 3, n - 3, lower.tail = FALSE)))
p <- c(0.041, 0.0002, 0.6, 0.012, 0.012, 0.2, 0.0049, 0.33)
table_out("unweighted.p_adjust", list(p = p, holm = p.adjust(p, "holm"), bonferroni = p.adjust(p, "bonferroni"), bh = p.adjust(p, "BH"), by = p.adjust(p, "BY")))

writeLines(lines, "design_based.toml")
