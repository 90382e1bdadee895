package notify

import (
	"holdfast/internal/notify/email"
	"holdfast/internal/notify/kafka"
	"holdfast/internal/notify/nats"
	"holdfast/internal/notify/pagerduty"
	"holdfast/internal/notify/rabbitmq"
	"holdfast/internal/notify/sender"
	"holdfast/internal/notify/signedhttp"
	"holdfast/internal/notify/slack"
	"holdfast/internal/notify/teams"
)

// Types lists every type of destination that there is, in the order of the manual.
func Types() []sender.Type {
	return []sender.Type{
		signedhttp.Type(),
		slack.Type(),
		pagerduty.Type(),
		teams.Type(),
		email.Type(),
		kafka.Type(),
		nats.Type(),
		rabbitmq.Type(),
	}
}
