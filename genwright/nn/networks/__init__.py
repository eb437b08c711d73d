"""What `models/bayes_net` is made of, in reading order.

A table as codes: `discretise` (cells of a number gathered into groups), `codes` (a column ↔ codes).
The distribution: `graph` (order, reachability, equivalence), `network` (tables, draws, estimates).
Finding edges: `counts`, `scores`, `families` (scores remembered), `constraints`, `chow_liu`, `search`.
Answering: `elimination` (sum and maximum over hidden columns), `inference` (rows that each know other columns), `em`.
Exchange: `bif`.
"""
