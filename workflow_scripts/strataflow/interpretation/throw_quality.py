"""Quality of throws: the estimated probability that a throw is right within three samples.

It is a logistic regression on the labelled throws of 25 synthetic surveys of 128 and 144 cubed,
with surfaces picked from true labels and each survey of equal weight. On surveys that it was not
fitted to, it agrees with the fraction of right throws within 0.08 (docs/explanation/prediction.md).
Where another shift of the whole surface matches as well, which is rare in these surveys, the
quality is reduced.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..volume.raw import Array

# Throws of a lower quality do not count in tables and volumes.
MIN_QUALITY = 0.8

# The same for RGT, which weighs throws by their quality and leaves out those that contradict the
# others.
LIKELY = 0.5

# Logarithms of matches start here, so that a match of 0 has one.
SMALL = 0.03

# Coefficients of the logarithms of the match and of its mean over the surface, of the throw and of
# its standard deviation over the surface, both relative to the length of the surface down the dip,
# and the constant.
MATCH, MEAN_MATCH, THROW, SCATTER, CONSTANT = 0.47, 1.78, -4.78, -12.8, 3.62

# Certainty of the search below which the quality is reduced.
UNCERTAIN = 0.2


def throw_quality(throw: Array, match: Array, certainty: Array, length: int) -> Array:
    """Probability that each throw is within three samples of the true one.

    Throws that change much over a surface, and those that are large for its length, are rarely
    right. A surface whose walls match well as a whole helps the cells with a poor match.

    Args:
        throw: Throws of the cells of a surface (A, B) in samples, NaN where there is none.
        match: How well the walls match at the throw, and how much better than elsewhere, from 0
            to 1, (A, B).
        certainty: Certainty of the search (`throw_search.coarse_shifts`), from 0 to 1, (A, B).
        length: Cells down the dip, the median of the columns of the surface.

    Returns:
        Quality (A, B) from 0 to 1, float32, 0 where there is no throw.
    """
    known: NDArray[np.bool_] = np.isfinite(throw)
    if not known.any():
        return np.zeros(throw.shape, np.float32)
    relative = np.abs(throw) / length
    scatter = float(throw[known].std()) / length
    logit = (
        MATCH * np.log(match + SMALL)
        + MEAN_MATCH * np.log(float(match[known].mean()) + SMALL)
        + THROW * np.minimum(relative, 1)
        + SCATTER * min(scatter, 0.5)
        + CONSTANT
    )
    sure = np.minimum(certainty / UNCERTAIN, 1)
    return np.where(known, sure / (1 + np.exp(-logit)), 0).astype(np.float32)
