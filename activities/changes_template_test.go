package activities

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/state"
	"holdfast/internal/webhook"
)

// tell records events of account 7 one after the other in a state of its own, and wants what becomes of each.
func tell(t *testing.T, steps ...step) *state.Store {
	t.Helper()
	s, err := state.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "state.db"), state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for i, step := range steps {
		e := webhook.Event{
			ID: fmt.Sprint(i), Type: step.of, Time: time.Unix(1790000000+step.at, 0), Source: "meta", Webhook: fmt.Sprint(i),
			Account: "7", Phone: webhook.Phone{ID: step.phone, Number: step.number}, Data: step.data,
		}
		r := webhook.Record{Webhook: e.Webhook, Source: "meta", Received: e.Time, Events: []webhook.Candidate{{Event: e, Changes: changes(e)}}}
		got, err := s.Record(t.Context(), e.ID, []webhook.Record{r})
		if err != nil {
			t.Fatal(err)
		}
		if outcome := got.Outcomes[0][0]; outcome != step.want {
			t.Errorf("step %d, %s %+v: %s, want %s", i, step.of, step.data, outcome, step.want)
		}
	}
	return s
}

type step struct {
	at     int64 // seconds
	of     webhook.Type
	data   any
	want   webhook.Outcome
	number string
	phone  string // id of the number
}

// facts are what is known of an entity or below it.
func facts(t *testing.T, s *state.Store, entity string) []string {
	t.Helper()
	known, err := s.Facts(t.Context(), entity, 100)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range known {
		out = append(out, f.Entity+" "+f.Aspect+" "+string(f.Value))
	}
	return out
}

var promo = webhook.Template{ID: "55", Name: "promo_a", Language: "en_US"}

func became(at int64, of webhook.Type, status, title string, want webhook.Outcome) step {
	return step{at: at, of: of, data: &webhook.TemplateStatus{Template: promo, Status: status, Title: title, Category: "UTILITY"}, want: want}
}

// What is known of a template already is not told again; but a second pause is not the first, and the result of a review is
// news each time: somebody waits for it.
func TestTemplateStatusIsToldOnce(t *testing.T) {
	const said = `{"status":"%s","name":"promo_a","language":"en_US"}`
	s := tell(t,
		became(10, webhook.TemplateApproved, "APPROVED", "", webhook.Fresh),
		became(20, webhook.TemplateApproved, "APPROVED", "", webhook.Fresh),
		became(30, webhook.TemplatePaused, "PAUSED", "FIRST_PAUSE", webhook.Fresh),
		became(31, webhook.TemplatePaused, "PAUSED", "FIRST_PAUSE", webhook.Unchanged),
		became(40, webhook.TemplatePaused, "PAUSED", "SECOND_PAUSE", webhook.Fresh),
		became(35, webhook.TemplateApproved, "APPROVED", "UNPAUSE", webhook.Late),
		became(40, webhook.TemplateApproved, "APPROVED", "", webhook.Late), // of the same second, the safer
		became(50, webhook.TemplateApproved, "APPROVED", "", webhook.Fresh),
		became(50, webhook.TemplatePending, "PENDING", "", webhook.Late), // of the same second, the end of a review
		became(50, webhook.TemplateDisabled, "DISABLED", "", webhook.Fresh),
	)
	if diff := cmp.Diff([]string{`template/7/55 category "UTILITY"`, "template/7/55 status " + fmt.Sprintf(said, "DISABLED")}, facts(t, s, webhook.TemplatesOf("7"))); diff != "" {
		t.Error(diff)
	}
}

// Of two statuses of the same second, the one that keeps a template from being sent stays, whichever comes first.
func TestTemplateSafety(t *testing.T) {
	order := []webhook.Type{
		webhook.TemplatePending, webhook.TemplateApproved, webhook.TemplateLocked, webhook.TemplateFlagged, webhook.TemplateArchived,
		webhook.TemplatePaused, webhook.TemplateRejected, webhook.TemplateDisabled, webhook.TemplateDeletionPending, webhook.TemplateDeleted,
	}
	for i := 1; i < len(order); i++ {
		for _, pair := range [][2]webhook.Type{{order[i-1], order[i]}, {order[i], order[i-1]}} {
			want := webhook.Fresh
			if pair[1] == order[i-1] {
				want = webhook.Late
			}
			s := tell(t, became(1, pair[0], string(pair[0]), "", webhook.Fresh), became(1, pair[1], string(pair[1]), "", want))
			if known := strings.Join(facts(t, s, "template/7/55"), "\n"); !strings.Contains(known, `"status":"`+string(order[i])+`"`) {
				t.Errorf("%s, then %s: %s", pair[0], pair[1], known)
			}
		}
	}
}

// Until a category has changed, the template has the one that it had: what will be is a fact of its own.
func TestTemplateCategory(t *testing.T) {
	changing := &webhook.TemplateCategory{Template: promo, Category: "UTILITY", Correct: "MARKETING", At: time.Unix(1790090000, 0).UTC()}
	changed := &webhook.TemplateCategory{Template: promo, Category: "MARKETING", Previous: "UTILITY"}
	mismatch := &webhook.TemplateCategory{Template: promo, Category: "UTILITY", Correct: "MARKETING"}
	steps := []step{
		{at: 1, of: webhook.TemplateCategoryChanging, data: changing, want: webhook.Fresh},
		{at: 2, of: webhook.TemplateCategoryChanging, data: changing, want: webhook.Unchanged},
		became(3, webhook.TemplateApproved, "APPROVED", "", webhook.Fresh),
		{at: 4, of: webhook.TemplateCategoryMismatch, data: mismatch, want: webhook.Fresh}, // of a message, so each is news
		{at: 5, of: webhook.TemplateCategoryMismatch, data: mismatch, want: webhook.Fresh},
	}
	s := tell(t, steps...)
	want := []string{
		`template/7/55 category "UTILITY"`,
		`template/7/55 category_change {"status":"announced","category":"MARKETING","at":"2026-09-22T15:13:20Z"}`,
		`template/7/55 status {"status":"APPROVED","name":"promo_a","language":"en_US","event":"2"}`,
	}
	if diff := cmp.Diff(want, facts(t, s, "template/7/55")); diff != "" {
		t.Error(diff)
	}
	s = tell(t, append(steps,
		step{at: 6, of: webhook.TemplateCategoryChanged, data: changed, want: webhook.Fresh},
		step{at: 7, of: webhook.TemplateCategoryChanged, data: changed, want: webhook.Unchanged},
		became(7, webhook.TemplateApproved, "APPROVED", "", webhook.Fresh), // says UTILITY in the same second
	)...)
	want[0], want[1], want[2] = `template/7/55 category "MARKETING"`, `template/7/55 category_change {"status":"done","category":"MARKETING"}`,
		`template/7/55 status {"status":"APPROVED","name":"promo_a","language":"en_US","event":"7"}`
	if diff := cmp.Diff(want, facts(t, s, "template/7/55")); diff != "" {
		t.Error(diff)
	}
}

// That a category was changed is told even where the category is known by then, from the status of the template.
func TestTemplateCategoryChangesBack(t *testing.T) {
	to := func(at int64, category, previous string) step {
		data := &webhook.TemplateCategory{Template: promo, Category: category, Previous: previous}
		return step{at: at, of: webhook.TemplateCategoryChanged, data: data, want: webhook.Fresh}
	}
	tell(t, to(1, "MARKETING", "UTILITY"), became(2, webhook.TemplateApproved, "APPROVED", "", webhook.Fresh), to(3, "UTILITY", "MARKETING"))
}

func TestTemplateQuality(t *testing.T) {
	score := func(at int64, score string, want webhook.Outcome) step {
		return step{at: at, of: webhook.TemplateQualityChanged, data: &webhook.TemplateQuality{Template: promo, Score: score}, want: want}
	}
	tell(t, score(1, "GREEN", webhook.Fresh), score(2, "GREEN", webhook.Unchanged), score(2, "UNKNOWN", webhook.Fresh), score(2, "YELLOW", webhook.Fresh),
		score(2, "RED", webhook.Fresh), score(2, "YELLOW", webhook.Late), score(3, "YELLOW", webhook.Fresh))
}

// Nothing is made true of a template that has no name, or one that cannot be part of an entity's.
func TestTemplateOfNobody(t *testing.T) {
	for _, template := range []webhook.Template{{}, {Language: "en_US"}, {ID: "5/1"}, {Name: "a/b"}, {Name: "é"}, {ID: strings.Repeat("1", 601)}} {
		for _, data := range []any{
			&webhook.TemplateStatus{Template: template, Status: "APPROVED"}, &webhook.TemplateQuality{Template: template, Score: "RED"},
			&webhook.TemplateCategory{Template: template, Category: "UTILITY"},
		} {
			e := webhook.Event{Type: webhook.TemplateCategoryChanged, Account: "7", Data: data}
			if got := changes(e); got != nil {
				t.Errorf("%+v: %+v", data, got)
			}
		}
	}
	name := webhook.TemplateEntity("7", webhook.Template{Name: strings.Repeat("a", 512), Language: "en_US"})
	if name != "template/7/"+strings.Repeat("a", 512)+":en_US" {
		t.Errorf("a long name became %q", name)
	}
}

// The end of a Direct Send restriction names a violation; its beginning may name none.
func TestDirectSendIsAFamilyOfItsOwn(t *testing.T) {
	restricted := &webhook.Restriction{Restrictions: []webhook.Restricted{{Type: "RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES"}}}
	lifted := &webhook.Restriction{Violation: "DIRECT_SEND_UTILITY_CATEGORY_ABUSE_UNBAN"}
	s := tell(t, step{at: 1, of: webhook.AccountRestricted, data: restricted, want: webhook.Fresh},
		step{at: 2, of: webhook.AccountRestrictionLifted, data: lifted, want: webhook.Fresh})
	if diff := cmp.Diff([]string{
		`account/7 restriction.direct_send {"status":"none"}`, `account/7 restriction_notice.direct_send {"status":"none"}`,
	}, facts(t, s, "account/7")); diff != "" {
		t.Error(diff)
	}
}

// A restriction of calling is one of a number: it does not replace what the account may not do.
func TestCallingIsAFamilyOfItsOwn(t *testing.T) {
	restricted := func(at int64, number string, types ...string) step {
		r := &webhook.Restriction{}
		for _, t := range types {
			r.Restrictions = append(r.Restrictions, webhook.Restricted{Type: t})
		}
		return step{at: at, of: webhook.AccountRestricted, data: r, number: number, want: webhook.Fresh}
	}
	const messaging, calling = "RESTRICTED_BIZ_INITIATED_MESSAGING", "RESTRICTED_USER_INITIATED_CALLING"
	s := tell(t, restricted(1, "", messaging), restricted(2, "1555", calling), restricted(3, "1556", calling), restricted(4, "", calling),
		restricted(5, "1557", calling, messaging),
		step{
			at: 6, of: webhook.AccountRestrictionLifted, number: "1555", want: webhook.Fresh,
			data: &webhook.Restriction{Restrictions: []webhook.Restricted{{Type: calling, Until: time.Unix(1, 0)}}},
		})
	const one = `{"status":"restricted","restrictions":[{"type":"` + calling + `"}]}`
	if diff := cmp.Diff([]string{
		`account/7 restriction {"status":"restricted","restrictions":[{"type":"` + calling + `"},{"type":"` + messaging + `"}]}`,
		"account/7 restriction.calling " + one,
	}, facts(t, s, "account/7")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{
		`phone/7/1555 restriction.calling {"status":"none"}`, `phone/7/1555 restriction_notice.calling {"status":"none"}`, "phone/7/1556 restriction.calling " + one,
	}, facts(t, s, "phone/7")); diff != "" {
		t.Error(diff)
	}
}
