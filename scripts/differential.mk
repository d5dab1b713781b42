# Random expressions over random pages, against Debian's real Prometheus on the same samples.

DIFFERENTIAL := $(B)/tests/differential/evaluate

$(DIFFERENTIAL): $(B)/tests/differential/evaluate.o $(addprefix $(B)/daemon/cli/,page.o page_fetch.o answer.o) $(ARCHIVES)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

test-programs: $(DIFFERENTIAL)

N ?= 3000
SEED ?= 1

.PHONY: differential
## differential: PromQL against Debian's Prometheus (N=100000 cases, SEED=2)
differential: $(DIFFERENTIAL)
	$(Q)PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/differential/run.py $(DIFFERENTIAL) --cases $(N) --seed $(SEED)
