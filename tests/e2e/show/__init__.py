# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo: what it tells (story), what it does (sites, acts), and what outlives it (kept)."""
