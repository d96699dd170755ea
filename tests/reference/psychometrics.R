# Alpha, omega of three items (exact, so closed form) and an item-rest correlation with errors under a design, from R's survey
# package. Run in this folder: Rscript psychometrics.R > psychometrics.toml
suppressMessages(library(survey))
options(digits = 15)
data(api)

line <- function(name, value, se) cat(sprintf("%s = [%.15g, %.15g]\n", name, value, se))

block <- function(name, data, ids, strata, items) {
  data <- transform(data, one = 1, u = data[[items[1]]], v = data[[items[2]]], w = data[[items[3]]])
  data <- transform(data, uu = u^2, vv = v^2, ww = w^2, uv = u * v, uw = u * w, vw = v * w)
  design <- svydesign(ids = ids, strata = strata, weights = ~pw, data = data)
  totals <- svytotal(~one + u + v + w + uu + vv + ww + uv + uw + vw, design)
  co <- function(x, y) sprintf("(%s%s - %s*%s/one)", x, y, x, y)
  own <- paste(co("u", "u"), co("v", "v"), co("w", "w"), sep = "+")
  shared <- paste(co("u", "v"), co("u", "w"), co("v", "w"), sep = "+")
  la <- sprintf("sqrt(%s*%s/%s)", co("u", "v"), co("u", "w"), co("v", "w"))
  lb <- sprintf("sqrt(%s*%s/%s)", co("u", "v"), co("v", "w"), co("u", "w"))
  lc <- sprintf("sqrt(%s*%s/%s)", co("u", "w"), co("v", "w"), co("u", "v"))
  common <- sprintf("((%s)+(%s)+(%s))^2", la, lb, lc)
  unique <- sprintf("((%s)-(%s)^2-(%s)^2-(%s)^2)", own, la, lb, lc)
  texts <- c(alpha = sprintf("1.5*(1-(%s)/((%s)+2*(%s)))", own, own, shared),
             omega = sprintf("%s/(%s+%s)", common, common, unique),
             rest_first = sprintf("(%s+%s)/sqrt(%s*(%s+%s+2*%s))", co("u", "v"), co("u", "w"), co("u", "u"), co("v", "v"), co("w", "w"),
                                co("v", "w")))
  cat(sprintf("[%s]\ndf = %d\nsvycralpha = %.15g\n", name, degf(design), as.numeric(svycralpha(~u + v + w, design))))
  for (n in names(texts)) {
    found <- svycontrast(totals, list(value = parse(text = texts[[n]])[[1]]))
    line(n, coef(found), SE(found))
  }
  cat("\n")
}

cat(sprintf("# Written by psychometrics.R: R %s, survey %s.\n\n", getRversion(), packageVersion("survey")))
three <- c("ell", "mobility", "meals") # a Heywood case: omega above 1 in the strata
proper <- c("ell", "meals", "not.hsg")
block("clusters", apiclus1, ~dnum, NULL, three)
block("clusters_proper", apiclus1, ~dnum, NULL, proper)
block("strata", apistrat, ~1, ~stype, three)
block("strata_proper", apistrat, ~1, ~stype, proper)
