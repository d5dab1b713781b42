# The two commands that show headgate at work.

.PHONY: run demo packages

## run: install what is missing, build, start it with a demo service, follow a release
run:
	$(Q)scripts/run

## demo: the same as a tour that ends by itself: one good release, one bad one
demo:
	$(Q)scripts/run demo

## packages: install what building, running and testing need
packages:
	$(Q)scripts/install-packages
