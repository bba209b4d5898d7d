/* SPDX-License-Identifier: MIT */
int is_less(int a, int b);
int count_to(int n);

int is_less(int a, int b)
{
	return a < b;
}

/* With a fault it never ends: a long, as an int comes round to n within seconds. */
int count_to(int n)
{
	volatile long i = 0;
	while (i != n)
		i++;
	return (int)i;
}
