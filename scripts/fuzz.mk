# Fuzzing: each target is one file in tests/fuzz/ with a fuzz_one(). Stored inputs are replayed by
# `make check`; `make fuzz T=name S=600` looks for new ones with libFuzzer.

FUZZ_TARGETS := exposition openmetrics promql_parse promql_eval policy json units smtp
FUZZ_TARGET_OBJ = $(FUZZ_TARGETS:%=$(B)/tests/fuzz/%.o)
FUZZ_REPLAYS := $(FUZZ_TARGETS:%=$(B)/tests/fuzz/%.replay)
FUZZ_SHARED := $(B)/daemon/loop/smtp.o $(ARCHIVES)
FUZZ_SAN := fuzzer-no-link,address,undefined
FUZZ_BUILD := build/clang-$(subst $(comma),-,$(FUZZ_SAN))
S ?= 60

$(FUZZ_TARGET_OBJ) $(B)/tests/fuzz/expression.o $(B)/tests/fuzz/replay.o: WARN := $(filter-out -Wfloat-equal -Wmissing-prototypes,$(WARN))

$(FUZZ_REPLAYS): $(B)/tests/fuzz/%.replay: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/replay.o $(FUZZ_SHARED)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

# With libFuzzer's own main(): only in the build that `make fuzz` asks for.
$(FUZZ_TARGETS:%=$(B)/tests/fuzz/%.fuzzer): $(B)/tests/fuzz/%.fuzzer: $(B)/tests/fuzz/%.o $(FUZZ_SHARED)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $^ $(PKG_LIBS)

$(foreach t,$(filter promql%,$(FUZZ_TARGETS)),$(B)/tests/fuzz/$(t).replay $(B)/tests/fuzz/$(t).fuzzer): \
	$(B)/tests/fuzz/expression.o

.PHONY: fuzz fuzz-replay
test-programs: $(FUZZ_REPLAYS)

## fuzz: look for inputs that break a target (T=promql_eval, S=600 seconds); without T all in turn
fuzz:
	$(Q)scripts/install-packages build check
	$(Q)$(MAKE) --no-print-directory CC=clang SAN=$(FUZZ_SAN) FAILPOINTS= COV= \
		$(addprefix $(FUZZ_BUILD)/tests/fuzz/,$(addsuffix .fuzzer,$(or $(T),$(FUZZ_TARGETS))))
	$(Q)for t in $(or $(T),$(FUZZ_TARGETS)); do scripts/fuzz $(FUZZ_BUILD)/tests/fuzz/$$t.fuzzer $$t $(S) || exit 1; done

## fuzz-replay: run every fuzz target over its stored inputs
fuzz-replay: $(FUZZ_REPLAYS)
	$(Q)for t in $(FUZZ_TARGETS); do $(B)/tests/fuzz/$$t.replay tests/fuzz/seeds/$$t tests/fuzz/crashes/$$t 2>$(B)/tests/fuzz/$$t.log || \
		{ tail -n 20 $(B)/tests/fuzz/$$t.log; echo "fuzz-replay: $$t breaks"; exit 1; }; done
