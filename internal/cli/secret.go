package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// Secret is a flag whose value may come from a file or the environment, where
// other users of the machine do not see it. The zero value needs Register.
type Secret struct {
	name, env   string
	value, file string
}

// Register adds the flags --name and --name-file to cmd. what completes "the
// secret that …"; env is the variable that is read where neither flag is given.
func (s *Secret) Register(cmd *cobra.Command, name, env, what string) {
	s.name, s.env = name, env
	cmd.Flags().StringVar(&s.value, name, "", "the `SECRET` that "+what+"; other users see flags, so rather $"+env)
	cmd.Flags().StringVar(&s.file, name+"-file", "", "read --"+name+" from `FILE`")
}

// Read returns the secret, or "" where none was given. A file holds it alone,
// with or without a newline at its end.
func (s *Secret) Read() (string, error) {
	switch {
	case s.value != "" && s.file != "":
		return "", fmt.Errorf("--%s and --%s-file exclude each other", s.name, s.name)
	case s.value != "":
		return s.value, nil
	case s.file == "":
		return os.Getenv(s.env), nil
	}
	data, err := os.ReadFile(s.file)
	if err != nil {
		return "", fmt.Errorf("--%s-file: %w", s.name, err)
	}
	secret := strings.TrimRight(string(data), "\r\n")
	if secret == "" {
		return "", errors.New("--" + s.name + "-file: the file is empty")
	}
	return secret, nil
}
