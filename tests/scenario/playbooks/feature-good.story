# Flags from internal to everybody, A (searchLite) last; each stage with its suite, its averages of three, two days
# without an incident, and the owner's word.
play feature.part
# Two more reports make three; the gates that ask for an average wait until then.
expect waiting "gate score-change: insufficient"
play feature-report.part
play feature-report.part
play feature-report.part
expect running ready in internal
expect not waiting "gate"
quin checks suite_0
quin checks mini_bench
eng checks docs_updated_0
pm approves because I want it
expect denied
owner approves
expect running entering in dogfood
expect message set_flags A off
play feature-stage.part
expect running ready in dogfood
quin checks suite_1
eng checks docs_updated_1
pm checks profiles_reflected_1
pm checks release_notes_1
owner approves
expect running entering in opt-in
expect message set_flags A opt-in
sample a_slower 0.05
play feature-stage.part
quin checks suite_2
eng checks docs_updated_2
pm checks profiles_reflected_2
pm checks release_notes_2
owner approves
expect running entering in default-on
expect message set_flags A opt-out
play feature-stage.part
quin checks suite_3
eng checks docs_updated_3
pm checks profiles_reflected_3
pm checks release_notes_3
owner approves
expect running entering in full
expect message set_flags A on
play feature-stage.part
pm checks retrospective
pm checks overview_links_updated
expect completed
