package main

import (
	"io/fs"
	"path"
	"strings"
	"testing"
	"time"

	"holdfast/internal/provider"
	"holdfast/internal/webhook"
)

// A sample that was made fresh is of now, of the account and the number that were asked for, and not the same twice.
func TestFreshen(t *testing.T) {
	const account, phone = "770077007700", "15557770077"
	now, then := time.Now(), time.Date(2026, 9, 21, 17, 0, 0, 0, time.UTC) // when the stories of the samples are told
	for _, d := range provider.List() {
		p, err := d.New(d.Options(), true)
		if err != nil {
			t.Fatal(err)
		}
		files, err := fs.Glob(d.Samples, "samples/*.json")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			t.Run(d.Name+"/"+strings.TrimSuffix(path.Base(file), ".json"), func(t *testing.T) {
				published, err := fs.ReadFile(d.Samples, file)
				if err != nil {
					t.Fatal(err)
				}
				body, err := freshen(published, placeholders{account, phone}, now)
				if err != nil {
					t.Fatal(err)
				}
				before, events := p.Normalize(published, then), p.Normalize(body, now)
				if len(before) != len(events) {
					t.Fatalf("%d events, %d when fresh", len(before), len(events))
				}
				keys := map[string]bool{}
				for i, e := range events {
					was := before[i]
					if e.Type != was.Type || e.ZoneAssumed != was.ZoneAssumed {
						t.Errorf("%s has become %s", was.Type, e.Type)
					}
					if at := now.Sub(e.Time); !was.Time.IsZero() && (at < 0 || at > time.Second) {
						t.Errorf("%s is of %s ago", e.Type, at)
					}
					if was.Account != "" && !was.Test && e.Account != account {
						t.Errorf("%s is of account %s", e.Type, e.Account)
					}
					if was.Phone.Number != "" && e.Phone.Number != phone {
						t.Errorf("%s is of number %s", e.Type, e.Phone.Number)
					}
					keys[was.Key] = was.Key != "" // without one it is known by its webhook, which is another
				}
				for _, e := range events {
					if keys[e.Key] {
						t.Errorf("%s would be a duplicate of the one that was published: %s", e.Type, e.Key)
					}
					if s, ok := e.Data.(*webhook.MessageStatus); ok && s.Conversation != nil && !s.Conversation.Expires.IsZero() && s.Conversation.Expires.Before(now) {
						t.Errorf("its conversation expired at %s", s.Conversation.Expires)
					}
				}
			})
		}
	}
}
