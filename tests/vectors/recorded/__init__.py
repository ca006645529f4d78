# SPDX-License-Identifier: GPL-2.0-or-later
"""What the runners of recorded cases share: a network a case, the server, messages."""
