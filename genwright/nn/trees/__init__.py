"""What `models/trees` is made of, in reading order.

A column and its values:
    `column`         a column as trees see it: codes, coordinates, its own distribution
    `equal`          which earlier columns a column's number often is
    `donors`         the training rows, as codes and coordinates
    `target`         the column to be explained, and how trees look at it

Trees:
    `tree`           decision trees as arrays: grown, walked, pruned
    `forest`         boosted trees as arrays, walked by bit masks
    `cells`          leaves divided further, so that a row knows the donors beside it
    `slopes`         a slope for every node, shrunk towards its parent's
    `slope_columns`  what slopes multiply

What a leaf gives:
    `stretches`      where smooth donors put their values
    `members`        donors with weights, and what they donate
    `candidates`     the donors of some rows, and the distribution they make together
    `leaves`         a tree whose leaves hold members
    `filling`        leaves from the donors that fall into them
    `score`          what boosted trees expect, one more coordinate of a row
    `step`           p(x_t | x_<t): the trees of a column

Growing a step:
    `predictors`     the columns that are most related to the target
    `orders`         orders of categories, so that one cut is the best split
    `relation`       a smooth target's linear relation with the columns before it
    `boosting`       the score of a target, cross-fitted
    `trial`          whether slopes help rows that have not been seen
    `growth`         all of it: from donors to a step

A file imports none that stands beside or above it in the layers of `pyproject.toml`.
"""
