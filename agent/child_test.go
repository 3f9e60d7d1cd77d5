package agent_test

// childRole is the environment variable that turns the test binary into the
// program that a test runs through the agent.
const childRole = "AGENT_TEST_CHILD"

func runChild(role string, args []string) int {
	switch role {
	case "exit":
		return 3
	}
	return 99
}
