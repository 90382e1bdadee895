package webhook

import (
	"strconv"
	"testing"
)

func TestNewMessageError(t *testing.T) {
	for code, want := range map[string]Advice{
		"402": FixAccount, "429": RetryLater, "470": UseTemplate, "471": StopSending, "131050": StopMarketing, "131049": RetryTomorrow, "131026": OtherChannel, "131047": UseTemplate, "368": StopSending, "137000": VerifyIdentity,
		"132015": FixMessage, "130472": DoNotRetry, "131056": RetryLater, "4": RetryLater, "190": FixAccount, "10": FixAccount,
		"199": "", "200": FixAccount, "299": FixAccount, "300": "", "2": RetryLater, "20": "", "2000": "",
		"131051": "", "999999": "", "": "", "x": "", "1e5": "", permissions: FixAccount,
	} {
		if got := NewMessageError(code, "t", "d"); got != (MessageError{code, "t", "d", want}) {
			t.Errorf("%+v, want the advice %q", got, want)
		}
	}
}

// The table is in the order of the codes, each once, each with a sentence.
func TestErrorCodes(t *testing.T) {
	before := 0
	for _, e := range ErrorCodes() {
		n, err := strconv.Atoi(e.Code)
		if e.Code == permissions {
			n, err = 200, nil
		}
		if err != nil || n <= before || e.Meaning == "" {
			t.Errorf("%+v after %d: %v", e, before, err)
		}
		before = n
	}
}
