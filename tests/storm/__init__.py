"""Kills at every kill point and at random, on real processes: the paper ledger says whether any order was doubled."""
