/* SPDX-License-Identifier: MIT */
int is_less(int a, int b);
int count_to(int n);

int is_less(int a, int b)
{
	return a < b;
}

/* With a fault it may never end. */
int count_to(int n)
{
	volatile int i = 0;
	while (i != n)
		i++;
	return i;
}
