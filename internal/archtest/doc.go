// Package archtest holds the plan of the house, who may import whom, as a test. It has no code of its own.
package archtest
