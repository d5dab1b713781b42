# Figures against a peer or a limit measured in the same run. No test: nothing is asserted.

BENCH_PROGRAMS := $(B)/tests/bench/parse $(B)/tests/bench/promql $(B)/tests/bench/commits \
	$(B)/tests/bench/kpis $(B)/tests/bench/pages

$(B)/tests/bench/parse: $(foreach p,$(BELOW_exposition),$(B)/lib/$(p).a)
$(B)/tests/bench/promql: $(foreach p,$(BELOW_promql),$(B)/lib/$(p).a)
$(B)/tests/bench/kpis: $(foreach p,promql series exposition base,$(B)/lib/$(p).a)
$(B)/tests/bench/pages: $(B)/lib/base.a
$(B)/tests/bench/commits: $(filter-out %/main.o,$(DAEMON_OBJ)) $(ARCHIVES)
$(BENCH_PROGRAMS): $(B)/tests/bench/%: $(B)/tests/bench/%.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS)

.PHONY: bench bench-programs
bench-programs: $(BENCH_PROGRAMS) $(B)/headgate

## bench: figures against peers, a few minutes on an otherwise idle machine (T="parse http" for some)
bench:
	$(Q)scripts/install-packages build run bench
	$(Q)$(MAKE) --no-print-directory CC=gcc SAN= FAILPOINTS= COV= bench-programs
	$(Q)PYTHONDONTWRITEBYTECODE=1 HEADGATE_BINARY=$(CURDIR)/build/gcc/headgate \
		/usr/bin/python3 tests/bench/bench.py build/gcc/tests/bench $(T)
