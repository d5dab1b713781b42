# Release stories in virtual time: one program over lib/, one line per story.

SCENARIO_SRC := $(sort $(wildcard tests/scenario/*.c))
SCENARIO_OBJ := $(SCENARIO_SRC:%.c=$(B)/%.o)

$(B)/tests/scenario/run: $(SCENARIO_OBJ) $(ARCHIVES)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

.PHONY: scenario
scenario: $(B)/tests/scenario/run
	$(Q)$(B)/tests/scenario/run tests/scenario tests/scenario/playbooks
