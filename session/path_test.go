package session_test

import (
	"testing"

	"agentproof/session"
)

func TestToMachinePath(t *testing.T) {
	t.Parallel()
	const abs, rel = "/home/me", "project"
	tests := []struct{ name, path, workingDir, want string }{
		{"an absent path is the base", "", abs, abs},
		{"the virtual root is the base", "/workspace", abs, abs},
		{"the base has no trailing slash", "/workspace", "/home/me/", abs},
		{"only one trailing slash goes", "", "/home/me//", "/home/me/"},
		{"without a working dir the base is empty", "/workspace", "", ""},
		{"the base of the root directory is empty", "/workspace", "/", ""},
		{"the working dir may be relative", "/workspace", rel, rel},
		{"below the virtual root", "/workspace/a/b", abs, "/home/me/a/b"},
		{"below it with a relative working dir", "/workspace/a", rel, "project/a"},
		{"below it without a working dir", "/workspace/a/b", "", "a/b"},
		{"below it with the root directory", "/workspace/a", "/", "a"},
		{"the virtual root with a slash", "/workspace/", abs, "/home/me/"},
		{"the same without a working dir", "/workspace/", "", ""},
		{"another absolute path", "/tmp/x", abs, "/tmp/x"},
		{"one that only begins like the virtual root", "/workspaceX", abs, "/workspaceX"},
		{"one with a dot", "/workspace.old/x", abs, "/workspace.old/x"},
		{"the root directory itself", "/", abs, "/"},
		{"what a listing echoed", "/home/me/a", abs, "/home/me/a"},
		{"a relative path", "a/b", abs, "/home/me/a/b"},
		{"a relative path with a relative working dir", "a", rel, "project/a"},
		{"a relative path without a working dir", "a/b", "", "a/b"},
		{"a relative path that says workspace", "workspace/a", abs, "/home/me/workspace/a"},
		{"dots are not resolved", "/workspace/../etc", abs, "/home/me/../etc"},
		{"not without a working dir either", "/workspace/../etc", "", "../etc"},
		{"nor in a relative path", "../x", abs, "/home/me/../x"},
		{"a dot is a relative path", ".", abs, "/home/me/."},
		{"a double slash stays", "/workspace//x", abs, "/home/me//x"},
		{"and is absolute without a working dir", "/workspace//x", "", "/x"},
		{"blanks are characters", " /workspace", abs, "/home/me/ /workspace"},
		{"case matters", "/Workspace/x", abs, "/Workspace/x"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := session.ToMachinePath(tc.path, tc.workingDir); got != tc.want {
				t.Errorf("ToMachinePath(%q, %q) = %q, want %q", tc.path, tc.workingDir, got, tc.want)
			}
		})
	}
}
