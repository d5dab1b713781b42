# Tests and static checks. `make check` is scripts/check, which says what belongs to it.

.PHONY: check check-fast unit integration asan purity headers banned format format-check test-programs

## check: everything that proves it; the last line counts passed and failed
check:
	$(Q)scripts/install-packages build run check
	$(Q)scripts/check

## check-fast: the same without the integration tests, in about a minute
check-fast:
	$(Q)scripts/install-packages build run check
	$(Q)scripts/check --fast

test-programs: $(UNIT_BIN) $(if $(wildcard tests/scenario/*.c),$(B)/tests/scenario/run) $(B)/tests/simulation/run

## unit: build and run the unit tests (SAN=address,undefined with sanitizers)
unit: $(UNIT_BIN)
	$(Q)bad=; for t in $(UNIT_BIN); do $$t || bad=1; done; test -n "$(UNIT_BIN)" && test -z "$$bad"

## integration: the tests with a real database, against a build with sanitizers and fail points (T=-k NAME)
TESTED := build/gcc-address-undefined-failpoints
integration:
	$(Q)$(MAKE) --no-print-directory CC=gcc SAN=address,undefined FAILPOINTS=1 $(TESTED)/headgate
	$(Q)PYTHONDONTWRITEBYTECODE=1 HEADGATE_BINARY=$(CURDIR)/$(TESTED)/headgate \
		/usr/bin/python3 -m pytest -q -p no:cacheprovider -n 4 tests/integration $(T)

## asan: the program with the address and undefined behaviour sanitizers
asan:
	$(Q)$(MAKE) --no-print-directory CC=gcc SAN=address,undefined build/gcc-address-undefined/headgate

## purity: prove that lib/ touches nothing but its arguments
purity: $(ARCHIVES)
	$(Q)scripts/purity $(B)

## headers: every header compiles alone
headers: $(HEADERS:%=$(B)/headers/%.ok)
	$(Q)test -n "$(HEADERS)"

$(B)/headers/%.ok: %
	$(Q)mkdir -p $(@D)
	$(Q)printf '#include "%s"\nextern int alone;\n' $< | \
		$(CC) -I. $(CPPFLAGS) $(CFLAGS_ALL) -MMD -MP -MT $@ -MF $@.d -fsyntax-only -x c - && touch $@

## banned: no call of a banned function
banned:
	$(Q)scripts/banned

# Sources only: in headers people align comments by hand.
FORMATTED := $(wildcard lib/*/*.c daemon/*.c daemon/*/*.c tests/unit/*/*.c tests/scenario/*.c tests/simulation/*.c \
	tests/fuzz/*.c tests/differential/*.c tests/bench/*.c)

## format: run clang-format over the sources
format:
	$(Q)clang-format -i $(FORMATTED)

## format-check: fail when that would change something
format-check:
	$(Q)test -n "$(FORMATTED)"
	$(Q)clang-format --dry-run -Werror $(FORMATTED)

-include $(shell find $(B)/headers -name '*.d' 2>/dev/null)

## docs: make the generated documents anew
.PHONY: docs
docs: all
	$(Q)scripts/docs build/headgate --write
