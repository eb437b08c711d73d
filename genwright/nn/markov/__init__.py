"""Hidden Markov chains, many sequences at once.

    p(x, z) = π(z_1) Π_t A(z_{t-1}, z_t) Π_t b_{z_t}(x_t)        (Rabiner 1989, https://doi.org/10.1109/5.18626)

N sequences advance one step together: everything about a step of all of them is an array (K, n), K states by the n
sequences that are still running, and all steps lie side by side in one array (K, F), F frames.
"""
