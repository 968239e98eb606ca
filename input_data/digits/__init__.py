"""Digits as image files, named and labelled by CSV tables ("Identify the Digits")."""
