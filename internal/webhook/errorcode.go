package webhook

import (
	"slices"
	"strconv"
)

// Advice is what an error code asks of a sender.
type Advice string

// The advices.
const (
	StopMarketing  Advice = "stop_marketing"  // the person does not want any: send no more of it
	DoNotRetry     Advice = "do_not_retry"    // it will fail again
	RetryLater     Advice = "retry_later"     // back off first: seconds or minutes
	RetryTomorrow  Advice = "retry_tomorrow"  // not before 24 hours have passed
	OtherChannel   Advice = "other_channel"   // this number cannot be reached on WhatsApp
	UseTemplate    Advice = "use_template"    // the customer service window is closed
	FixMessage     Advice = "fix_message"     // the message, its media, its template or its address is at fault
	FixAccount     Advice = "fix_account"     // registration, access, payment or eligibility is at fault
	StopSending    Advice = "stop_sending"    // the account or number is restricted: every further message makes it worse
	VerifyIdentity Advice = "verify_identity" // the recipient may be somebody else now
)

// An ErrorCode is what an error of the platform means, and what it asks of a sender.
type ErrorCode struct {
	Code    string // a number, or a range of them such as 200-299
	Meaning string
	Advice  Advice // empty: nothing
}

// ErrorCodes lists the errors that matter to a sender, by their numbers.
func ErrorCodes() []ErrorCode { return slices.Clone(errorCodes) }

// NewMessageError makes an error from a code and its texts, with what the code asks of a sender.
func NewMessageError(code, title, details string) MessageError {
	return MessageError{Code: code, Title: title, Details: details, Advice: advice(code)}
}

func advice(code string) Advice {
	if n, err := strconv.Atoi(code); err == nil && 200 <= n && n <= 299 {
		code = permissions
	}
	return errorAdvice[code]
}

const permissions = "200-299"

// Facts are of Meta's pages Error codes, Throughput and Direct Send, and of the changelog; those of the on-premises API of its
// page Error and Status Messages.
var errorCodes = []ErrorCode{
	{"1", "The platform does not know what went wrong, or the request was not right.", RetryLater},
	{"2", "The platform is down or overloaded.", RetryLater},
	{"4", "The app calls the API too often.", RetryLater},
	{"10", "A permission is missing or was taken away.", FixAccount},
	{"190", "The access token is expired or not valid.", FixAccount},
	{permissions, "A permission is missing or was taken away.", FixAccount},
	{"368", "The account is restricted or disabled because it violated a policy.", StopSending},
	{"402", "There is a problem with the payment of the account (on-premises API).", FixAccount},
	{"429", "More messages in a second than the number may send (on-premises API).", RetryLater},
	{"470", "More than 24 hours have passed since the person wrote (on-premises API).", UseTemplate},
	{"471", "Too many messages of the number were blocked or reported as spam (on-premises API).", StopSending},
	{"80007", "The account calls the API too often.", RetryLater},
	{"130429", "More messages in a second than the number may send.", RetryLater},
	{"130472", "The person is part of an experiment of Meta's and gets no marketing messages.", DoNotRetry},
	{"130497", "The account may not write to people of that country.", DoNotRetry},
	{"131000", "The platform does not know what went wrong.", RetryLater},
	{"131005", "A permission is missing or was taken away.", FixAccount},
	{"131016", "The platform is not available for a while.", RetryLater},
	{"131026", "The message cannot be delivered: the number is not on WhatsApp, has not accepted its terms, or has an old version of it.", OtherChannel},
	{"131031", "The account is locked: it violated a policy, or something of the request was wrong, such as the PIN.", StopSending},
	{"131042", "There is a problem with the payment or the eligibility of the account.", FixAccount},
	{"131045", "The number is not registered as it should be.", FixAccount},
	{"131047", "More than 24 hours have passed since the person wrote.", UseTemplate},
	{"131048", "Too many messages of the number were blocked or reported as spam.", StopSending},
	{"131049", "Meta chose not to deliver: the person has got enough marketing messages for now. It is no wish of the person.", RetryTomorrow},
	{"131050", "The person has stopped marketing messages of the business.", StopMarketing},
	{"131051", "The type of the message is not supported.", ""},
	{"131052", "What the person sent cannot be downloaded: ask for it again.", ""},
	{"131053", "The media of the message cannot be uploaded.", FixMessage},
	{"131056", "Too many messages to the same person in a short time.", RetryLater},
	{"131057", "The number is being upgraded and cannot be used for a minute.", RetryLater},
	{"131060", "The message is not available any more.", ""},
	{"131062", "A message of this kind needs the phone number of the person, not the user id.", FixMessage},
	{"131064", "More messages than may be sent directly, without a template.", StopSending},
	{"132015", "The template is paused because people did not like it.", FixMessage},
	{"132016", "The template was paused too often and is disabled for good.", FixMessage},
	{"133010", "The number is not registered.", FixAccount},
	{"137000", "The person is not known to be the one that the message is for: the hash of the identity is another one.", VerifyIdentity},
	{"139200", "The account may not send directly, without a template.", StopSending},
}

var errorAdvice = func() map[string]Advice {
	by := make(map[string]Advice, len(errorCodes))
	for _, e := range errorCodes {
		by[e.Code] = e.Advice
	}
	return by
}()
