# Seeded stories of the real core against a model of everything around it.

SIMULATION_SRC := $(sort $(wildcard tests/simulation/*.c))
SIMULATION_OBJ := $(SIMULATION_SRC:%.c=$(B)/%.o)

$(B)/tests/simulation/run: $(SIMULATION_OBJ) $(B)/daemon/action/retry.o $(ARCHIVES)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

.PHONY: simulation
## simulation: ten thousand seeded stories with crashes and losses in virtual time
simulation: $(B)/tests/simulation/run
	$(Q)$(B)/tests/simulation/run
