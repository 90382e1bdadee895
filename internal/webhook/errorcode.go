package webhook

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
