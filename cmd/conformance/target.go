package main

import (
	"net/url"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// target are the arguments that lead another run to the same target and judge
// it alike: all flags that were set but those that select cases and say where
// the report goes, and the command or URL behind them.
func target(cmd *cobra.Command, args []string) []string {
	own := []string{"case", "skip", "profile", "level", "failed", "parallel", "baseline", "out", "trace", "format"}
	words := []string{}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if slices.Contains(own, f.Name) {
			return
		}
		if f.Value.Type() == "bool" {
			words = append(words, "--"+f.Name+"="+f.Value.String())
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, value := range values {
			words = append(words, "--"+f.Name, withoutSecrets(value))
		}
	})
	if cmd.ArgsLenAtDash() >= 0 {
		return append(append(words, "--"), args...)
	}
	for _, arg := range args { // a URL
		words = append(words, withoutSecrets(arg))
	}
	return words
}

// withoutSecrets puts a variable of the shell in the place of what a URL keeps
// secret: a report is shown to others.
func withoutSecrets(value string) string {
	u, err := url.Parse(value)
	if err != nil || u.User == nil || u.Host == "" {
		return value
	}
	user := "${SECRET_TOKEN}" // a user without a password is a token
	if _, ok := u.User.Password(); ok {
		user = url.User(u.User.Username()).String() + ":${SECRET_PASSWORD}"
	}
	u.User = nil
	rest := u.String()
	return u.Scheme + "://" + user + "@" + rest[len(u.Scheme)+len("://"):]
}
