# SPDX-License-Identifier: GPL-3.0-or-later
#
# The commands of a working day. Each sets up what it needs first; the logic is in tools/setup/.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: screenshots help setup native demo test bench lint asan tsan fuzz soak format clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

setup: ## Debian packages, .venv, Python packages, native modules
	@tools/setup/setup.sh

native: ## compile what changed in C++, modules beside their packages
	@tools/setup/native.sh modules

demo: setup ## render the demo in real time and show what happened
	@.venv/bin/isobooth demo

test: setup ## native tests, then pytest on the checked host; ARGS='-k relay' goes to pytest
	@tools/setup/test.sh $(ARGS)

bench: setup ## measure; the figures go to bench.json
	@.venv/bin/isobooth bench --json bench.json

lint: setup ## ruff, mypy, clang-format
	@tools/setup/lint.sh check

asan: setup ## native code under Address- and UndefinedBehaviorSanitizer
	@tools/setup/sanitize.sh address $(ARGS)

tsan: setup ## the relay as threads under ThreadSanitizer
	@tools/setup/sanitize.sh thread

fuzz: setup ## damaged messages and files, hostile shared memory, for MINUTES=10
	@tools/setup/fuzz.sh $(ARGS)

screenshots: setup ## every view of the window, in both themes, into docs/images/window
	@.venv/bin/python -m tools.screenshots

soak: setup ## MINUTES=10 of songs with dying plugins: does the host grow? soak.json, soak.png
	@nice .venv/bin/python -m tools.soak --minutes $(or $(MINUTES),10) --json soak.json --picture soak.png

format: setup ## rewrite sources in the project's form
	@tools/setup/lint.sh format

clean: ## remove what was built; .venv stays
	rm -rf build dist bench.json soak.json soak.png demo-out .setup/stamp
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find ipc host sandbox ui tools tests -name '*.so' -delete
	find ipc host sandbox ui tools tests -name __pycache__ -exec rm -rf {} +
