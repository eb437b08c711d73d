"""genwright: learn from your data, generate its likeness, prove it.

>>> import genwright as gw
>>> run = gw.fit("wine")
>>> more = run.sample(100)
"""

__version__ = "0.1.0"
