"""What people of this server have it do: ActivityPub, client to server (ActivityPub §6)."""
