# SPDX-License-Identifier: GPL-3.0-or-later
#
# The commands of a working day. Each sets up what it needs first; the logic is in tools/setup/.

.PHONY: native

native: ## compile what changed in C++, modules beside their packages
	@tools/setup/native.sh modules
