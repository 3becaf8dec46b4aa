"""How a ranker is trained."""

from dataclasses import dataclass

from models.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class RankerSettings:
    """How the ranker is trained.

    Parameters
    ----------
    trees
        More cost time and size, and steady the ranking.
    fewest_in_leaf
        Candidates in a leaf; more smooth.
    share_of_features
        Columns tried at each split, in (0, 1].
    folds
        Of the cross-validation.
    fewest_incidents
        Resolved incidents without which nothing learnt is used.
    seed
        Of folds, trees and bootstrap.

    Raises
    ------
    ConfigurationError
        If a value is out of its range.
    """

    trees: int = 300
    fewest_in_leaf: int = 3
    share_of_features: float = 0.5
    folds: int = 5
    fewest_incidents: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"trees": 1, "fewest_in_leaf": 1, "folds": 2, "fewest_incidents": 1, "seed": 0}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise ConfigurationError(f"{name} is {getattr(self, name)}.", remedy=f"Give at least {low}.")
        if not 0 < self.share_of_features <= 1:
            raise ConfigurationError(
                f"share_of_features is {self.share_of_features}.", remedy="Give a number above 0, at most 1."
            )
