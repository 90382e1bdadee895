package notify

import (
	"holdfast/internal/notify/sender"
	"holdfast/internal/notify/signedhttp"
)

// Types lists every type of destination that there is, in the order of the manual.
func Types() []sender.Type {
	return []sender.Type{
		signedhttp.Type(),
	}
}
