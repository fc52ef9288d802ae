"""The submodules that programs for earlier versions import, as in ``persidict.jokers``.

They are found here under the name ``persidict``, so they import by absolute names only.
"""
