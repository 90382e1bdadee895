package meta

import (
	"strings"
	"time"

	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// restriction reads ACCOUNT_RESTRICTION, which says four things: restricted, warned, lifted, and, from resellers that leave
// its parts out, nothing definite (Meta: account_update reference; Direct Send, integrity and content guidelines). Only a
// restriction that is named and not over makes an account restricted; what is not clear is reported, for a person to look.
//
// A restriction in force counts even beside the end of another, and one that cannot be read may be in force.
func restriction(value lenient.Object, received time.Time) (webhook.Type, any, string) {
	info := value.Object("violation_info")
	data := &webhook.Restriction{Violation: info.Get("violation_type").Text(), Remediation: info.Get("remediation").Text()}
	all, inForce, unclear := restrictions(value.Get("restriction_info"), received)
	data.Restrictions = all
	switch {
	case len(inForce) > 0:
		data.Restrictions = inForce
		return webhook.AccountRestricted, data, ""
	case unclear:
	case strings.HasSuffix(data.Violation, "_UNBAN"), strings.HasSuffix(data.Violation, "_RECOVERY"):
		return webhook.AccountRestrictionLifted, data, ""
	case len(all) > 0: // over: whether others, of which it says nothing, are in force, is not known
	case isWarning(data.Violation):
		return webhook.AccountWarned, data, ""
	}
	return webhook.AccountRestrictionReported, data, ""
}

func isWarning(violation string) bool {
	return violation == "DIRECT_SEND_UTILITY_TEMPLATE_ABUSE" || strings.HasSuffix(violation, "_WARN")
}

// restrictions returns what is readable of restriction_info, which of it is in force, and whether there is more. One
// without an end that can be read is in force: to go on sending would be worse than to stop.
func restrictions(info lenient.Value, received time.Time) (all, inForce []webhook.Restricted, unclear bool) {
	for _, element := range info.OneOrMany() {
		o, reason := element.Object()
		if reason != "" || len(o) == 0 {
			unclear = true
			continue
		}
		r := webhook.Restricted{Type: restrictionType(o.Get("restriction_type").Text()), Until: o.Get("expiration").Time(), Remediation: o.Get("remediation").Text()}
		all = append(all, r)
		if r.Until.IsZero() || r.Until.After(received) {
			inForce = append(inForce, r)
		}
	}
	return all, inForce, unclear
}

// restrictionType spells the one that older pages of Meta spell otherwise as the others.
func restrictionType(text string) string {
	if text == "RESTRICTION_ON_ADD_PHONE_NUMBER_ACTION" {
		return "RESTRICTED_ADD_PHONE_NUMBER_ACTION"
	}
	return text
}
