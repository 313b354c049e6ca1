"""Writes `reference.json`: what scipy and statsmodels say of `cases.json`, for `test_statistics.py`.

Neither is a dependency of the project, so this is run by hand when a case is added:
`uv run --no-project --with scipy --with statsmodels python tests/experiments/reference.py`. Here belong other people's
implementations of the methods that docs/numbers.md names; nothing here is read from the SQL.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep

HERE = Path(__file__).parent


def values_of(converted: int) -> np.ndarray:
    """What the k-th converting lead of an arm bought for, as `simulated.sql` has it."""
    return np.array([10.0 * (1 + k % 5) for k in range(converted)])


def mantel_haenszel_p(tables: list[np.ndarray]) -> float:
    """Of Cochran, Mantel and Haenszel's statistic; statsmodels' own p is 0 too early."""
    return float(stats.chi2.sf(StratifiedTable(tables).test_null_odds(correction=False).statistic, 1))


def mid_p(strata: list[list[int]]) -> float:
    """Two-sided mid-p of the first arm's conversions, given the margins of every stratum."""
    chances, seen, lowest = np.array([1.0]), 0, 0
    for n0, x0, n1, x1 in strata:
        low, high = max(0, x0 + x1 - n0), min(n1, x0 + x1)
        chances = np.convolve(chances, stats.hypergeom(n0 + n1, x0 + x1, n1).pmf(np.arange(low, high + 1)))
        seen, lowest = seen + x1, lowest + low
    at = seen - lowest
    half = chances[at] / 2
    return float(min(1, 2 * min(chances[:at].sum() + half, chances[at + 1 :].sum() + half)))


def arm(strata: list[list[int]], which: int) -> tuple[float, float, float, float]:
    """Weighted share, effective size, and mean and variance of revenue, weighted by Mantel and Haenszel."""
    table = np.array(strata, dtype=float)
    weights = table[:, 0] * table[:, 2] / (table[:, 0] + table[:, 2])
    weights /= weights.sum()
    leads, converted = table[:, 2 * which], table[:, 2 * which + 1]
    bought = [values_of(int(x)) for x in converted]
    size = 1 / (weights**2 / leads).sum()
    everyone = np.concatenate([np.append(v, np.zeros(int(n) - len(v))) for v, n in zip(bought, leads, strict=True)])
    each = np.repeat(weights / leads, leads.astype(int))
    mean = float(each @ everyone)
    variance = float(each @ (everyone - mean) ** 2) * size / (size - 1)
    return float(weights @ (converted / leads)), size, mean, variance


def expected_of(case: dict[str, Any]) -> dict[str, float | str | None]:
    """The numbers of one comparison."""
    strata = [one for one in case["strata"] if one[0] and one[2]]
    (rate0, size0, mean0, var0), (rate1, size1, mean1, var1) = arm(strata, 0), arm(strata, 1)
    counts = (rate1 * size1, size1, rate0 * size0, size0)
    low, high = confint_proportions_2indep(*counts, method="newcomb", compare="diff")
    table = np.array(strata, dtype=float)
    leads, converted = table[:, 0] + table[:, 2], table[:, 1] + table[:, 3]
    expected = (table[:, 2] * converted / leads).sum()
    fewest = min(
        expected - np.maximum(0, converted - table[:, 0]).sum(),
        np.minimum(table[:, 2], converted).sum() - expected,
    )
    tables = [np.array([[x1, n1 - x1], [x0, n0 - x0]]) for n0, x0, n1, x1 in strata]
    result: dict[str, Any] = {
        "adjusted_rate": rate1,
        "baseline_rate": rate0,
        "difference_low": low,
        "difference_high": high,
        "p_method": "cmh" if fewest >= 5 else "exact",
        "p_value": mantel_haenszel_p(tables) if fewest >= 5 else mid_p(strata),
    }
    if min(counts[0], counts[2]) > 0:
        low, high = confint_proportions_2indep(*counts, method="score", compare="ratio", correction=True)
        result |= {"lift_low": low - 1, "lift_high": high - 1}
    if len(strata) == 1:
        # One stratum is the textbook's case: the raw leads go to scipy itself.
        (n0, x0, n1, x1) = strata[0]
        both = [np.append(values_of(x), np.zeros(n - x)) for n, x in ((n1, x1), (n0, x0))]
        welch = stats.ttest_ind(*both, equal_var=False)
        limits = welch.confidence_interval(0.95)
        revenue = (both[0].mean() - both[1].mean(), welch.pvalue, limits.low, limits.high)
    else:
        error = np.sqrt(var1 / size1 + var0 / size0)
        freedom = error**4 / ((var1 / size1) ** 2 / (size1 - 1) + (var0 / size0) ** 2 / (size0 - 1))
        margin = stats.t.ppf(0.975, freedom) * error
        p = 2 * stats.t.sf(abs(mean1 - mean0) / error, freedom)
        revenue = (mean1 - mean0, p, mean1 - mean0 - margin, mean1 - mean0 + margin)
    names = ("revenue_difference", "revenue_p_value", "revenue_difference_low", "revenue_difference_high")
    result |= dict(zip(names, revenue, strict=True))
    # Sample-ratio mismatch over all leads, one multinomial a split.
    chi, freedom = 0.0, 0
    for holdout in sorted(set(case["holdouts"])):
        own = [one for one, share in zip(case["strata"], case["holdouts"], strict=True) if share == holdout]
        control, treated = sum(one[0] for one in own), sum(one[2] for one in own)
        total = control + treated
        if 0 < holdout < 1 and min(total * holdout, total * (1 - holdout)) >= 5:
            shares = [total * holdout, total * (1 - holdout)]
            chi, freedom = chi + stats.chisquare([control, treated], shares).statistic, freedom + 1
    # The SQL says 1e-300 for what is below.
    result["srm_p_value"] = max(1e-300, float(stats.chi2.sf(chi, freedom))) if freedom else None
    return {name: float(value) if isinstance(value, float) else value for name, value in result.items()}


def main() -> None:
    """Every case's numbers, and Holm's of a family."""
    cases = json.loads((HERE / "cases.json").read_text())
    reference = {name: expected_of(case) for name, case in cases["holdouts"].items()}
    family = {}
    for name, arms in cases["variants"].items():
        first = arms[0]
        ps = [mantel_haenszel_p([np.array([[x, n - x], [first[1], first[0] - first[1]]])]) for n, x in arms[1:]]
        share = sum(n for n, _ in arms) / len(arms)
        family[name] = {
            "p_value": [float(p) for p in ps],
            "p_value_holm": [float(p) for p in multipletests(ps, method="holm")[1]],
            "srm_p_value": float(stats.chisquare([n for n, _ in arms], [share] * len(arms)).pvalue),
        }
    (HERE / "reference.json").write_text(json.dumps({"holdouts": reference, "variants": family}, indent=1) + "\n")


if __name__ == "__main__":
    main()
