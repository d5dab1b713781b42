# Green is tried out without traffic, gets all of it, and blue is there until somebody lets it go.
policy ../../../config/policies/blue-green.yaml
play cast.part
release
sample requests 500
sample error_rate 0.002
quin checks tests
after 2m
expect running entering in green
expect message deploy_green version 1.4.0
ack
after 3m
expect running baking in green
expect waiting "gate green-tested"
sample probes 30
sample green_errors 0
after 8m
expect running entering in switch
expect message to_green active green
ack
after 18m
expect running ready in switch
rita promotes because blue is not needed
expect message stop_blue
ack
after 2m
expect running baking in without-blue
sample error_rate 0.02
after 4m
expect rolling_back
expect message to_blue active blue
# Blue is gone: the next way.
refuse
expect message redeploy version 1.3.0
sample error_rate 0.002
ack previous_version
after 13m
expect rolled_back
